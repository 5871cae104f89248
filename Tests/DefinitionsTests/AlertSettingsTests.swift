import ConnectorKit
@testable import Definitions
import Messages
import Testing

/// `alerts:` of a channel and of `hilum.yaml`, and `notify:`.
@Suite struct AlertSettingsTests {
  private func rules(_ yaml: String, engine: AlertRules = AlertRules()) throws -> AlertRules {
    let text = """
      channel: a
      source: {mllp: {port: 2575}}
      destinations: {d: {file: {directory: out, name: x}}}
      \(yaml)
      """
    let loaded = ChannelLoader(
      registry: testRegistry, files: MemoryFiles(texts: ["Channels/a.yaml": text]), alerts: engine
    ).load(["Channels/a.yaml"])
    return try #require(loaded.definitions.first, "\(loaded.rendered())").alerts
  }

  @Test func `a channel that says nothing alerts nobody`() throws {
    #expect(try rules("") == AlertRules())
  }

  @Test func `what a channel says holds, and for the rest what the engine's own file says`() throws {
    var engine = AlertRules()
    engine.dead = 1
    engine.backlog = 5
    let rules = try rules(
      "alerts: {silence: {day: 30m, night: 4h}, backlog: 1000, oldest: 15m, lane-down: 5m, failed: 2, held: 3, "
        + "settle: 0s}",
      engine: engine)
    #expect(rules.silence == AlertRules.Silence(day: .seconds(1800), night: .seconds(14_400)))
    #expect(rules.backlog == 1000 && rules.oldest == .seconds(900) && rules.laneDown == .seconds(300))
    #expect(rules.dead == 1 && rules.failed == 2 && rules.held == 3 && rules.settle == .zero)
  }

  @Test func `silence is one time for day and night, or a block that says when it is day`() throws {
    #expect(
      try rules("alerts: {silence: 30m}").silence
        == AlertRules.Silence(day: .seconds(1800), night: .seconds(1800)))
    let block = try rules("alerts: {silence: {night: 4h, hours: \"22:30-06:00\"}}").silence
    #expect(block == AlertRules.Silence(day: nil, night: .seconds(14_400), hours: DayHours(from: 1350, to: 360)))
    #expect(block?.hours.text == "22:30-06:00")
    let late = try rules("alerts: {silence: {night: 4h, hours: 08:00-24:00}}").silence?.hours
    #expect(late == DayHours(from: 480, to: 1440) && late?.text == "08:00-24:00")
  }

  @Test(arguments: [
    ("24:00-06:00", "write it as 00:00-06:00"), ("6:00-20:00", "write it as 06:00-20:00"),
    ("6-20", "write it as 06:00-20:00"), ("0600 - 20.30", "write it as 06:00-20:30"),
    ("06:00\u{2013}20:00", "write it as 06:00-20:00"), ("06:00-25:00", "hour and minute, twice: 07:00-19:00"),
    ("06:60-20:00", "hour and minute, twice: 07:00-19:00"),
    ("00:00-24:00", "another end than its beginning: 07:00-19:00"),
    ("07:00-07:00", "another end than its beginning: 07:00-19:00"), ("07:00-", "from and to: 07:00-19:00"),
    ("morning", "from and to: 07:00-19:00"), ("24:01-06:00", "hour and minute, twice: 07:00-19:00"),
    ("٠٦:00-20:00", "from and to: 07:00-19:00"), ("-", "from and to: 07:00-19:00"), ("", "from and to: 07:00-19:00"),
  ]) func `for what is no part of a day it is said what to write`(text: String, help: String) {
    let reader = SettingReader(folder: "")
    #expect(DayHours.read(SettingNode(.scalar(text), at: Place(file: "", line: 1, column: 1)), reader) == nil)
    #expect(reader.problems.map(\.help) == [[help]])
  }

  private func load(_ text: String) -> EngineSettings.Outcome {
    EngineSettings.load("hilum.yaml", files: MemoryFiles(texts: ["hilum.yaml": text]))
  }

  @Test func `the engine's file says where alerts are posted`() throws {
    let outcome = load(
      """
      alerts: {dead: 1}
      notify: {webhook: {url: "https://Alerts.example:8443/x?y", secret: {file: keys/hook}, header: X-Key, timeout: 5s}}
      """)
    #expect(outcome.problems.isEmpty)
    #expect(outcome.settings?.alerts.dead == 1)
    #expect(
      outcome.settings?.webhook
        == WebhookRule(
          url: WebhookURL(address: "https://Alerts.example:8443/x?y", host: "alerts.example"), header: "X-Key",
          secret: Secret(.file("/site/keys/hook")), timeout: .seconds(5)))
  }

  @Test(arguments: [
    ("http://alerts.example/x", "C106"), ("ftp://alerts.example", "C103"), ("https://me:pass@alerts.example", "C103"),
    ("https:///x", "C103"), ("https://a.example:99999/", "C103"), ("https://a b/", "C103"),
    ("http://127.0.0.1.evil.example/", "C106"), ("http://localhost:8080/x", nil), ("http://[::1]:80/", nil),
  ])
  func `an address is one of https, or of this machine`(url: String, code: String?) {
    let outcome = load("notify: {webhook: {url: \"\(url)\"}}")
    #expect(outcome.problems.map(\.code) == [code].compactMap(\.self))
  }

  @Test func `a secret never stands in the file, and a header is a header's name`() {
    #expect(load("notify: {webhook: {url: \"https://a.example\", secret: abc}}").problems.map(\.code) == ["C105"])
    #expect(load("notify: {webhook: {url: \"https://a.example\", header: \"X:\"}}").problems.map(\.code) == ["C103"])
    #expect(load("notify: {webhook: {url: \"https://a.example\", timeout: 1h}}").problems.map(\.code) == ["C131"])
  }

  @Test(arguments: [
    ("alerts", nil), ("alarms", "C134 1:19 there is no channel `alarms`"),
    ("adt", "C134 1:19 the channel `adt` takes messages from `mllp`, not from this engine"),
    ("hl7", "C130 1:19 alerts are JSON, and the channel `hl7` takes hl7v2"),
  ]) func `a channel that alerts go to must be able to take them`(name: String, problem: String?) throws {
    let channel = { (name: String, source: String) in
      "channel: \(name)\nsource: \(source)\n"
        + "destinations: {out: {file: {directory: out, name: \"{message.id}.json\"}}}\n"
    }
    var loader = ChannelLoader(
      registry: ConnectorRegistry(
        sources: [TestMLLPSource.self, ChannelSource.self], destinations: [TestFileDestination.self]),
      files: MemoryFiles(texts: [
        "Channels/adt.yaml": channel("adt", "{mllp: {port: 2575}}"),
        "Channels/hl7.yaml": channel("hl7", "{channel: {}}"),
        "Channels/alerts.yaml": channel("alerts", "{channel: {}}\nformat: json"),
      ]))
    let loaded = loader.load(folder: "Channels")
    #expect(loaded.problems.filter { $0.severity == .error } == [])
    let target = try #require(load("notify: {channel: \(name)}").settings?.alertChannel)
    let found = target.problem(in: loaded)
    #expect(found.map { "\($0.code) \($0.place.line):\($0.place.column) \($0.message)" } == problem)
    // Whoever reads the folder is told: a deployment as well as a check.
    loader.alertChannel = target
    #expect(loader.load(folder: "Channels").problems.filter { $0.severity == .error } == [found].compactMap(\.self))
  }
}
