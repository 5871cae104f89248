import ConnectorKit
@testable import Definitions
import Messages
import Testing

@Suite struct EngineSettingsTests {
  private func load(_ text: String) -> EngineSettings.Outcome {
    EngineSettings.load("hilum.yaml", files: MemoryFiles(texts: ["hilum.yaml": text])) {
      $0 == "SITE" ? "st-mary" : nil
    }
  }

  @Test func `without a word everything has a place`() throws {
    let standard = EngineSettings.standard(in: "/srv/hilum")
    #expect(standard.data == "/srv/hilum/data")
    #expect(standard.channels == "/srv/hilum/Channels")
    #expect(standard.site == "hilum")
    #expect(standard.logLevel == .info)
    #expect(standard.masterKey == nil)
    let empty = load("# nothing yet\n")
    #expect(empty.problems.isEmpty)
    #expect(empty.settings?.data == "/site/data")
  }

  @Test func `what the file says holds`() throws {
    let outcome = load(
      """
      site: ${SITE}
      data: /var/lib/hilum
      channels: ../Channels
      zone: Europe/London
      log: {level: warning}
      keep: {raw: 7d}
      limits: {message: 1MiB}
      encryption: {key: {file: keys/master.key}}
      """)
    #expect(outcome.problems.isEmpty)
    let settings = try #require(outcome.settings)
    #expect(settings.site == "st-mary")
    #expect(settings.data == "/var/lib/hilum")
    #expect(settings.channels == "/Channels")
    #expect(settings.zone == "Europe/London")
    #expect(settings.logLevel == .warning)
    #expect(settings.keep.raw == .seconds(7 * 86_400))
    #expect(settings.keep.sent == Keep().sent)
    #expect(settings.limits.messageBytesMax == 1 << 20)
    #expect(settings.masterKey?.reference == .file("/site/keys/master.key"))
  }

  @Test func `all mistakes come at once, and nothing is started with half of what was meant`() {
    let outcome = load(
      """
      sit: x
      zone: Europe/Londn
      log: {level: loud}
      encryption: {key: 0123456789abcdef}
      limits: {emits: 0}
      admin: {port: 8080}
      """)
    #expect(outcome.settings == nil)
    #expect(
      outcome.problems.map { "\($0.code) \($0.place.line)" }
        == ["C101 1", "C103 2", "C104 3", "C105 4", "C131 5", "C122 6"])
    let rendered = outcome.problems.map { $0.rendered(source: outcome.source) }.joined()
    #expect(!rendered.contains("0123456789abcdef"))
  }

  @Test func `a file that isn't there is said so`() {
    let outcome = EngineSettings.load("hilum.yaml", files: MemoryFiles())
    #expect(outcome.settings == nil)
    #expect(outcome.problems.map(\.message) == ["the file hilum.yaml does not exist"])
  }
}
