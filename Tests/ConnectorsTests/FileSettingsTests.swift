import ConnectorKit
import Messages
import Testing

@testable import Connectors

/// The settings as they stand in a channel file.
@Suite struct FileSettingsTests {
  private static let place = Place(file: "lab.yaml", line: 1, column: 1)

  private static func scalar(_ text: String) -> SettingNode { SettingNode(.scalar(text), at: place) }
  private static func map(_ entries: KeyValuePairs<String, SettingNode>) -> SettingNode {
    SettingNode(
      .map(entries.map { SettingNode.Entry(key: $0.key, keyPlace: place, value: $0.value) }), at: place)
  }

  @Test func `a folder is all that a source must be told`() throws {
    let reader = SettingReader(folder: "/etc/hilum")
    let read = FileSourceSettings.read(Self.map(["directory": Self.scalar("in/lab")]), reader)
    let settings = try #require(read)
    let plan = try FileSourcePlan(settings, FileTestLog().context)
    #expect(plan.directory == "/etc/hilum/in/lab")
    #expect(plan.donePath == "/etc/hilum/in/lab/done" && plan.failedPath == "/etc/hilum/in/lab/failed")
    #expect(plan.mayTake(FileName("a.hl7")) && !plan.mayTake(FileName("a.part")) && !plan.mayTake(FileName(".a")))
    guard case .settled(after: .seconds(1)) = plan.completeness else {
      Issue.record("a file is whole when it has not changed for a second")
      return
    }
  }

  @Test func `every setting of a source is read by its key`() throws {
    let reader = SettingReader(folder: "/etc/hilum")
    let read = FileSourceSettings.read(
      Self.map([
        "directory": Self.scalar("/in"), "pattern": Self.scalar("[a-c]*.hl7"), "order": Self.scalar("time"),
        "complete": Self.map(["by": Self.scalar("done-file"), "suffix": Self.scalar(".ok")]),
        "messages": Self.scalar("many"), "after": Self.scalar("move"), "to": Self.scalar("/archive"),
        "failed": Self.scalar("/bad"), "poll": Self.scalar("30s"), "ignore": Self.scalar(".swp"),
      ]), reader)
    #expect(reader.problems.isEmpty)
    let plan = try FileSourcePlan(try #require(read), FileTestLog().context)
    #expect(plan.mayTake(FileName("b.hl7")) && !plan.mayTake(FileName("d.hl7")) && !plan.mayTake(FileName("b.hl7.swp")))
    #expect(!plan.mayTake(FileName("b.hl7.ok")) && plan.concerns(FileName("b.hl7.ok")))
    #expect(plan.isMany && plan.order == .time && plan.poll == .seconds(30))
    #expect(plan.donePath == "/archive" && plan.failedPath == "/bad")
  }

  @Test func `a destination needs a folder and a name`() throws {
    let reader = SettingReader(folder: "/etc/hilum")
    #expect(FileDestinationSettings.read(Self.map([:]), reader) == nil)
    #expect(reader.problems.map(\.message) == ["`directory` is missing", "`name` is missing"])
    let whole = SettingReader(folder: "/etc/hilum")
    let settings = try #require(
      FileDestinationSettings.read(
        Self.map([
          "directory": Self.scalar("out"), "name": Self.scalar("{MSH-10}.hl7"), "on-collision": Self.scalar("refuse"),
        ]), whole))
    #expect(settings.directory.path == "/etc/hilum/out" && settings.onCollision == .refuse)
    #expect(settings.templates.map(\.key) == ["name"])
  }
}
