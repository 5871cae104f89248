import ConnectorKit
@testable import Definitions
import Hilt
import Messages
import Testing

@Suite struct ChannelLoaderTests {
  /// A channel that needs nothing else, with more lines at its end.
  private func channel(_ name: String, port: Int = 2575, _ more: String = "") -> String {
    """
    channel: \(name)
    source:
      mllp: {port: \(port)}
    destinations:
      ehr:
        mllp: {host: ehr.hospital.example, port: 6661}
    \(more)
    """
  }

  private let copying = """
    transform copying
      in    hl7 2.3..2.6 ADT_*
      out   hl7 2.5.1
      param sender: text = "HUB"

    let out = copy msg
    out.MSH-3 = HD { 1: sender }
    emit out
    """

  @Test func `a channel says only what differs from the defaults`() throws {
    let loaded = load(["Channels/a.yaml": channel("a")])
    #expect(loaded.rendered() == "")
    let definition = try #require(loaded.definitions.first)
    #expect(definition.name.text == "a")
    #expect(definition.format == .hl7v2)
    #expect(definition.unexpected == .reject)
    #expect(definition.transform == nil)
    #expect(definition.source.connector == "mllp")
    #expect(definition.hl7.charsetDeclared == .trust)
    #expect(definition.duplicates?.within == .seconds(3600))
    #expect(definition.keep == Keep())
    #expect(definition.limits == ChannelLimits())
    let ehr = try #require(definition.destinations.first)
    #expect(ehr.name == "ehr")
    #expect(ehr.window == 1)
    #expect(ehr.unconfirmedMax == 32)
    #expect(ehr.refused == ["AE": 3, "AR": 0])
    #expect(
      ehr.retry == RetryRule(first: .seconds(1), factor: 2, longest: .seconds(300), isJittered: true, limit: nil))
  }

  @Test func `everything that a channel file can say arrives`() throws {
    let text = """
      channel: a
      about: Admissions.
      contact: {partner: PAS team, phone: 4711, critical: yes}
      source:
        mllp: {port: 2575}
        hl7:
          {charset: windows-1252, charset-declared: ignore, segment-end: any, batch: refuse, missing-control-id: accept}
      unexpected: fail
      on-fail: pass
      transform: {file: ../Transforms/copying.hilt, with: {sender: ADT}}
      destinations:
        ehr:
          mllp: {host: ehr.hospital.example, port: 6661, timeout: 5s}
          order: strict
          window: 8
          unconfirmed: 16
          retry: {first: 2s, factor: 1.5, longest: 1m, jitter: none, for: 72h}
          refused: {AE: 5, "422": 1, exists: 2, then: dead}
        archive:
          when: MSH-9.2 in ["A01", "A03"]
          transform: ../Transforms/copying.hilt
          file: {directory: out, name: "{MSH-10}.hl7"}
      duplicates: {key: "{MSH-10}", within: 2h, conflict: process}
      keep: {raw: 1d, blobs: 2d}
      columns: {mrn: "PID-3[1].1", event: MSH-9.2}
      limits: {message: 1MiB, steps: 5000, emits: 2, waiting: 100, bytes: 2MiB}
      """
    let loaded = load(["Channels/a.yaml": text, "Transforms/copying.hilt": copying], ["Channels/a.yaml"])
    #expect(loaded.rendered() == "")
    let definition = try #require(loaded.definitions.first)
    #expect(definition.contact?.phone == "4711")
    #expect(definition.contact?.critical == true)
    #expect(definition.hl7.charset == "windows-1252")
    #expect(definition.hl7.batch == .refuse)
    #expect(definition.unexpected == .fail)
    #expect(definition.transform?.name == "copying")
    #expect(definition.destinations.map(\.name) == ["ehr", "archive"])
    let ehr = definition.destinations[0]
    #expect(ehr.window == 8)
    #expect(ehr.unconfirmedMax == 16)
    #expect(
      ehr.retry
        == RetryRule(
          first: .seconds(2), factor: 1.5, longest: .seconds(60), isJittered: false, limit: .seconds(259_200)))
    #expect(ehr.refused == ["AE": 5, "AR": 0, "422": 1, "exists": 2])
    let archive = definition.destinations[1]
    #expect(archive.when != nil)
    #expect(archive.transform != nil)
    #expect(archive.templates.map(\.setting) == ["name"])
    #expect(definition.duplicates?.within == .seconds(7200))
    #expect(definition.keep.raw == .seconds(86_400))
    #expect(definition.keep.sent == .seconds(30 * 86_400))
    #expect(definition.columns.map(\.name) == ["mrn", "event"])
    #expect(definition.limits.messageBytesMax == 1 << 20)
    #expect(definition.limits.stepsMax == 5000)
    #expect(definition.limits.waitingMax == 100)
    #expect(definition.limits.waitingBytesMax == 2 << 20)
  }

  @Test func `the connector is made with the settings of its block`() throws {
    let loaded = load(["Channels/a.yaml": channel("a")])
    let definition = try #require(loaded.definitions.first)
    let context = ConnectorContext(channel: definition.name, destination: "ehr")
    let destination = try #require(try definition.destinations[0].connector.make(context) as? TestMLLPDestination)
    #expect(destination.options.host == "ehr.hospital.example")
    #expect(destination.options.port.number == 6661)
    #expect(try definition.source.make(context) is TestMLLPSource)
  }

  @Test func `a bad channel never stops the good ones`() {
    let loaded = load([
      "Channels/a.yaml": channel("a"), "Channels/b.yaml": "channel: b\nsource: {mllp",
      "Channels/c.yaml": channel("c", port: 2576),
      "Channels/d.yaml": channel("d", port: 2577, "transform: ../Transforms/none.hilt"),
    ])
    #expect(loaded.definitions.map(\.name.text) == ["a", "c"])
    #expect(loaded.files.map { $0.definition == nil } == [false, true, false, true])
    #expect(loaded.problems.map(\.code) == ["C110", "C123"])
  }

  @Test func `two channels of one name or one port: the first works`() {
    let loaded = load([
      "Channels/a.yaml": channel("a"), "Channels/b.yaml": channel("a", port: 2576), "Channels/c.yaml": channel("c"),
      "Channels/d.yaml": channel("d", port: 0), "Channels/e.yaml": channel("e", port: 0),
    ])
    #expect(loaded.definitions.map { "\($0.name)" } == ["a", "d", "e"])
    #expect(
      loaded.problems.filter { $0.severity == .error }.map { "\($0.place) \($0.code)" }
        == ["Channels/b.yaml:1:10 C126", "Channels/c.yaml:3:16 C127"])
  }

  @Test func `a channel that can't be loaded takes no port from another`() {
    let loaded = load([
      "Channels/a.yaml": channel("a", "windw: 1"), "Channels/b.yaml": channel("b"),
    ])
    #expect(loaded.definitions.map(\.name.text) == ["b"])
    #expect(loaded.problems.map(\.code) == ["C101"])
  }

  @Test func `addresses collide where one machine can't have both`() throws {
    func address(_ host: String, _ port: Int) throws -> ListeningAddress {
      let place = Place(file: "x", line: 1, column: 1)
      func entry(_ key: String, _ text: String) -> SettingNode.Entry {
        SettingNode.Entry(key: key, keyPlace: place, value: SettingNode(.scalar(text), at: place))
      }
      let node = SettingNode(.map([entry("host", host), entry("port", "\(port)")]), at: place)
      return try #require(ListeningAddress(node, TestMLLPSource.Options.kind))
    }
    #expect(try address("0.0.0.0", 1).collides(with: address("127.0.0.1", 1)))
    #expect(try address("127.0.0.1", 1).collides(with: address("::", 1)))
    #expect(try !address("127.0.0.1", 1).collides(with: address("127.0.0.2", 1)))
    #expect(try !address("127.0.0.1", 1).collides(with: address("127.0.0.1", 2)))
  }

  @Test func `a problem of a transform that two channels use is shown once`() {
    let loaded = load([
      "Channels/a.yaml": channel("a", "transform: ../Transforms/x.hilt"),
      "Channels/b.yaml": channel("b", port: 2576, "transform: ../Transforms/x.hilt"),
      "Transforms/x.hilt": "transform x\n  in hl7 2.3..2.6 ADT_*\nemit nothing\n",
    ])
    #expect(loaded.definitions.isEmpty)
    #expect(loaded.problems.count == 1)
    #expect(loaded.problems.first?.place.file == "Transforms/x.hilt")
    #expect(loaded.files.allSatisfy { $0.problems.count == 1 })
    let twice = load([
      "Channels/a.yaml": channel(
        "a",
        "    transform: ../Transforms/x.hilt\n"
          + "  lab:\n    mllp: {host: b, port: 1}\n    transform: ../Transforms/x.hilt"),
      "Transforms/x.hilt": "transform x\n  in hl7 2.3..2.6 ADT_*\n  out hl7\nemit nothing\n",
    ])
    #expect(twice.problems.map(\.code) == ["E111"])
  }

  @Test func `a folder gives its channel files in the order of their names`() {
    let files = MemoryFiles(texts: [
      "Channels/b.yml": channel("b"), "Channels/a.yaml": channel("a", port: 2576), "Channels/notes.txt": "x",
      "Channels/.hidden.yaml": "x", "Channels/templates/lab.yaml": "x",
    ])
    let loaded = ChannelLoader(registry: testRegistry, files: files).load(folder: "Channels")
    #expect(loaded.files.map(\.path) == ["Channels/a.yaml", "Channels/b.yml"])
    let none = ChannelLoader(registry: testRegistry, files: files).load(folder: "Nowhere")
    #expect(none.problems.map(\.code) == ["C123"])
    #expect(none.rendered().contains("the folder Nowhere does not exist"))
  }

  @Test func `10 MB where a channel file should be is refused whole`() {
    var files = MemoryFiles(texts: ["Channels/a.yaml": channel("a")])
    files.bytes["Channels/b.yaml"] = [UInt8](repeating: 0x78, count: 10_000_000)
    files.bytes["Channels/c.yaml"] = [UInt8](repeating: 0x78, count: 20_000_000)
    let loaded = ChannelLoader(registry: testRegistry, files: files)
      .load(["Channels/a.yaml", "Channels/b.yaml", "Channels/c.yaml"])
    #expect(loaded.definitions.count == 1)
    #expect(loaded.problems.map(\.code) == ["C115", "C115"])
    #expect(loaded.rendered().utf8.count < 1000)
  }

  @Test func `a half-written file is never a channel`() {
    let text = channel("a", "columns: {mrn: \"PID-3[1].1\"}\nlimits:\n  waiting: 10\n")
    let whole = Array(text.utf8)
    var loadedCount = 0
    for count in 0..<whole.count {
      let files = MemoryFiles(bytes: ["Channels/a.yaml": Array(whole.prefix(count))])
      let loaded = ChannelLoader(registry: testRegistry, files: files).load(["Channels/a.yaml"])
      #expect(loaded.definitions.isEmpty == loaded.hasErrors)
      loadedCount += loaded.definitions.count
    }
    // Cut behind the last line that must be there, a file can't be told from one that was meant so: only a rename
    // helps.
    #expect(loadedCount < 40)
  }

  @Test func `an inline transform names no file and shows its problems in the channel file`() throws {
    let good = load([
      "Channels/a.yaml": channel("a", "transform: |\n" + copying.split(separator: "\n").map { "  \($0)\n" }.joined())
    ])
    #expect(good.rendered() == "")
    #expect(good.definitions.first?.transform?.name == "copying")
    #expect(good.definitions.first?.revision.files.count == 1)
  }

  @Test func `an inline transform that fails names its line of the channel file`() throws {
    let text = channel(
      "a", "transform: |\n  transform failing\n    in hl7\n    out hl7\n\n  fail \"not today\"\n")
    let loaded = load(["Channels/a.yaml": text])
    #expect(loaded.rendered() == "")
    let result = try #require(loaded.definitions.first?.transform).run(HiltInput(nil))
    guard case .failed(let failure) = result.decision else {
      Issue.record("it fails")
      return
    }
    #expect(failure.problem.place.description == "Channels/a.yaml:12:3")
  }

  @Test func `a destination's own transform sends nowhere else`() {
    let text = channel("a").replacing("port: 6661}", with: "port: 6661}\n    transform: ../Transforms/own.hilt")
    let own = "transform own\n  in hl7\n  out hl7\n\nemit msg to \"lab\"\n"
    let loaded = load(["Channels/a.yaml": text, "Transforms/own.hilt": own])
    #expect(loaded.problems.map { "\($0.place) \($0.code)" } == ["Transforms/own.hilt:5:13 C128"])
  }

  @Test func `values of the environment take their place before settings are read`() throws {
    let text = channel("a").replacing("port: 2575", with: "port: \"${PORT}\"")
    let loaded = load(["Channels/a.yaml": text]) { $0 == "PORT" ? "2999" : nil }
    #expect(loaded.definitions.first?.source.listens?.port == 2999)
    #expect(load(["Channels/a.yaml": text]).problems.map(\.code) == ["C117"])
  }

  @Test func `the engine's defaults hold where a channel says nothing`() throws {
    var keep = Keep()
    keep.raw = .seconds(1)
    keep.sent = .seconds(2)
    var limits = ChannelLimits()
    limits.stepsMax = 7777
    let files = MemoryFiles(texts: ["Channels/a.yaml": channel("a", "keep: {sent: 9s}")])
    let loader = ChannelLoader(registry: testRegistry, files: files, keep: keep, limits: limits)
    let definition = try #require(loader.load(["Channels/a.yaml"]).definitions.first)
    #expect(definition.keep.raw == .seconds(1))
    #expect(definition.keep.sent == .seconds(9))
    #expect(definition.limits.stepsMax == 7777)
  }

  @Test func `duplicates can be turned off, and other formats have none unless they say a key`() throws {
    let off = load(["Channels/a.yaml": channel("a", "duplicates: {within: 0s}")])
    #expect(off.rendered() == "")
    #expect(try #require(off.definitions.first).duplicates == nil)
    let text = """
      channel: a
      source: {file: {directory: in}}
      format: text
      destinations:
        out: {file: {directory: out, name: "{message.id}.txt"}}
      """
    let plain = load(["Channels/a.yaml": text])
    #expect(plain.rendered() == "")
    #expect(try #require(plain.definitions.first).duplicates == nil)
    let keyed = load(["Channels/a.yaml": text + "\nduplicates: {key: \"{message.source.file.name}\"}\n"])
    #expect(keyed.rendered() == "")
    #expect(try #require(keyed.definitions.first).duplicates != nil)
  }
}
