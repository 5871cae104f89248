import ConnectorKit
import Messages
import Testing

@Suite struct SettingsTests {
  struct Inner: Settings {
    @Setting("A file.") var path: FilePath
    @Setting("A text with expressions.") var name: Template?
    init() {}
  }

  enum Mode: String, SettingChoice { case fast, slow }

  struct Outer: Settings {
    @Setting("A port.", example: "2575") var port: Port
    @Setting("How long.", default: .seconds(30)) var waitMillis: Duration
    @Setting("Which way.", default: .fast) var mode: Mode
    @Setting("A name that ends in capitals.", default: "") var missingControlID: String
    @Setting("A group.") var inner: Inner?
    @Setting("Several.", default: []) var callers: [String]
    init() {}

    func check(_ reader: SettingReader, _ node: SettingNode) {
      if mode == .slow, waitMillis < .seconds(1) { reader.problem("C106", "slow wants a second", at: node.place) }
    }
  }

  private func node(_ entries: [(String, SettingNode)], line: Int = 1) -> SettingNode {
    SettingNode(
      .map(
        entries.enumerated().map { index, entry in
          SettingNode.Entry(
            key: entry.0, keyPlace: Place(file: "x", line: line + index, column: 1, length: entry.0.count),
            value: entry.1)
        }), at: Place(file: "x", line: line, column: 1))
  }
  private func text(_ text: String) -> SettingNode {
    SettingNode(.scalar(text), at: Place(file: "x", line: 9, column: 9))
  }

  @Test func `settings are read by their keys, with defaults for what is not there`() throws {
    let reader = SettingReader(folder: "/site")
    let node = node([
      ("port", text("2575")), ("missing-control-id", text("x")), ("callers", text("PAS")),
      ("inner", self.node([("path", text("a/b")), ("name", text("{MSH-10}"))])),
    ])
    let outer = try #require(Outer.read(node, reader))
    #expect(reader.problems.isEmpty)
    #expect(outer.port.number == 2575)
    #expect(outer.waitMillis == .seconds(30))
    #expect(outer.missingControlID == "x")
    #expect(outer.callers == ["PAS"])
    #expect(outer.inner?.path.path == "/site/a/b")
    #expect(outer.templates.map(\.key) == ["inner.name"])
    #expect(outer.templates.first?.template.source == "{MSH-10}")
  }

  @Test func `two readings share nothing`() throws {
    let first = try #require(Outer.read(node([("port", text("1"))]), SettingReader(folder: "/")))
    let second = try #require(Outer.read(node([("port", text("2"))]), SettingReader(folder: "/")))
    #expect(first.port.number == 1)
    #expect(second.port.number == 2)
  }

  @Test func `all problems of a group come at once`() {
    let reader = SettingReader(folder: "/")
    let node = node([
      ("wait-millis", text("30 s")), ("mode", text("fsat")), ("inner", self.node([("size", text(""))])),
    ])
    #expect(Outer.read(node, reader) == nil)
    #expect(reader.problems.map(\.code) == ["C103", "C104", "C101", "C102", "C102"])
    #expect(reader.problems[1].label == "did you mean `fast`?")
    #expect(reader.problems[4].help == ["A port.", "port: 2575"])
  }

  @Test func `a misspelt key is one problem, and what stands under it is looked at`() {
    let reader = SettingReader(folder: "/")
    #expect(Outer.read(node([("prot", text("99999")), ("mdoe", text("fsat")), ("mode", text("slow"))]), reader) == nil)
    #expect(reader.problems.map(\.code) == ["C101", "C103", "C101"])
    #expect(reader.problems[0].label == "did you mean `port`?")
  }

  @Test func `what no single setting shows is checked when each is right`() {
    let reader = SettingReader(folder: "/")
    #expect(
      Outer.read(node([("port", text("1")), ("mode", text("slow")), ("wait-millis", text("5ms"))]), reader) == nil)
    #expect(reader.problems.map(\.code) == ["C106"])
    let early = SettingReader(folder: "/")
    #expect(Outer.read(node([("mode", text("slow")), ("wait-millis", text("5ms"))]), early) == nil)
    #expect(early.problems.map(\.code) == ["C102"])
  }

  @Test func `the declarations say what may be written`() throws {
    guard case .group(let entries) = Outer.kind else { return #expect(Bool(false), "a group") }
    #expect(entries.map(\.key) == ["port", "wait-millis", "mode", "missing-control-id", "inner", "callers"])
    #expect(entries.map(\.required) == [true, false, false, false, false, false])
    #expect(entries[1].standard == "30s")
    #expect(entries[0].example == "2575")
  }
}

@Suite struct SettingValueTests {
  private func read<Value: SettingValue>(_ text: String, as type: Value.Type = Value.self) -> Value? {
    Value.read(SettingNode(.scalar(text), at: Place(file: "x", line: 1, column: 1)), SettingReader(folder: "/site"))
  }

  @Test(arguments: [
    ("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("72h", 259_200_000), ("30d", 2_592_000_000), ("0s", 0),
  ])
  func `durations are whole numbers with a unit`(text: String, milliseconds: Int64) throws {
    let duration = try #require(read(text, as: Duration.self))
    #expect(duration.milliseconds == milliseconds)
    #expect(read(duration.text, as: Duration.self) == duration)
  }

  @Test(arguments: ["30", "30 s", "-5s", "1.5h", "s", "9999999999999999999d", "99999999999999999d", "1w", ""])
  func `what is no duration is refused`(text: String) {
    #expect(read(text, as: Duration.self) == nil)
  }

  @Test(arguments: [("512B", 512), ("64KiB", 65536), ("10MiB", 10 << 20), ("1GiB", 1 << 30), ("0B", 0)])
  func `sizes are whole numbers with a binary unit`(text: String, bytes: Int) throws {
    let size = try #require(read(text, as: ByteSize.self))
    #expect(size.bytes == bytes)
    #expect(size.text == text)
  }

  @Test(arguments: ["10MB", "10", "-1KiB", "9223372036854775807KiB", "KiB", "1.5MiB"])
  func `what is no size is refused`(text: String) {
    #expect(read(text, as: ByteSize.self) == nil)
  }

  @Test func `ports, numbers and words`() {
    #expect(read("0", as: Port.self)?.number == 0)
    #expect(read("65535", as: Port.self)?.number == 65535)
    #expect(read("65536", as: Port.self) == nil)
    #expect(read("-1", as: Int.self) == nil)
    #expect(read("99999999999999999999", as: Int.self) == nil)
    #expect(read("yes", as: Bool.self) == true)
    #expect(read("on", as: Bool.self) == nil)
  }

  @Test func `a secret is a reference and nothing else`() {
    let place = Place(file: "x", line: 1, column: 1)
    let reader = SettingReader(folder: "/site")
    func map(_ key: String, _ value: String) -> SettingNode {
      SettingNode(
        .map([SettingNode.Entry(key: key, keyPlace: place, value: SettingNode(.scalar(value), at: place))]), at: place)
    }
    #expect(Secret.read(map("file", "k.pem"), reader)?.reference == .file("/site/k.pem"))
    #expect(Secret.read(map("env", "KEY"), reader)?.reference == .environment("KEY"))
    #expect(reader.problems.isEmpty)
    #expect(Secret.read(SettingNode(.scalar("hunter2"), at: place), reader) == nil)
    #expect(Secret.read(map("value", "hunter2"), reader) == nil)
    #expect(reader.problems.map(\.code) == ["C105", "C105"])
    #expect(!reader.problems.contains { $0.rendered(source: nil).contains("hunter2") })
  }

  @Test(arguments: [
    ("prot", "port"), ("tiemout", "timeout"), ("hots", "host"), ("Port", "port"), ("destination", "destinations"),
    ("xyz", nil),
    ("", nil),
  ])
  func `the nearest word is the one that was meant`(word: String, meant: String?) {
    #expect(nearest(to: word, among: ["port", "host", "timeout", "destinations"]) == meant)
  }
}
