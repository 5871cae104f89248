import ConnectorKit
@testable import Definitions
import Messages
import Testing

/// `notify: email:`
@Suite struct EmailSettingsTests {
  private func load(_ email: String) -> EngineSettings.Outcome {
    EngineSettings.load("hilum.yaml", files: MemoryFiles(texts: ["hilum.yaml": "notify: {email: {\(email)}}"]))
  }

  @Test func `what the file says holds`() throws {
    let outcome = load(
      """
      host: mail.example, from: hilum@h.example, to: [a@h.example, "b+c@h.example"], user: me,
        password: {file: keys/mail}, ca: tls/ca.pem, timeout: 5s
      """)
    #expect(outcome.problems.isEmpty, "\(outcome.problems.map(\.message))")
    let rule = try #require(outcome.settings?.email)
    #expect(rule.host == "mail.example" && rule.port == 587 && rule.security == .starttls)
    #expect(rule.from == "hilum@h.example" && rule.to == ["a@h.example", "b+c@h.example"])
    #expect(rule.user == "me" && rule.password == Secret(.file("/site/keys/mail")) && rule.timeout == .seconds(5))
    for (tls, port) in [("implicit", 465), ("none", 25)] {
      let standard = load("host: m, from: a@b.example, to: [c@d.example], tls: \(tls)").settings?.email
      #expect(standard?.port == port)
    }
  }

  @Test(arguments: [
    "", "a", "@", "a@", "@b.example", "a@b@c", "a b@c.example", "a@b..example", ".a@b.example", "a@b.example.",
    "<a@b.example>", "ä@b.example", "a@b_c.example", "\\\"a\\\"@b.example", "a@b.example\\r\\nRCPT TO:<x@y>",
  ])
  func `what is no plain address is refused, as sender and as recipient`(address: String) {
    #expect(load("host: m, from: \"\(address)\", to: [c@d.example]").settings == nil)
    #expect(load("host: m, from: c@d.example, to: [\"\(address)\"]").settings == nil)
  }

  @Test func `a password goes with a user, by reference, and never in clear`() {
    let start = "host: m, from: a@b.example, to: [c@d.example]"
    #expect(load("\(start), user: x").problems.map(\.code) == ["C106"])
    #expect(load("\(start), password: {env: X}").problems.map(\.code) == ["C106"])
    #expect(load("\(start), user: x, password: geheim").problems.map(\.code).contains("C105"))
    #expect(load("\(start), tls: none, user: x, password: {env: X}").problems.map(\.code) == ["C106"])
    #expect(load("\(start), timeout: 1h").problems.map(\.code) == ["C131"])
    #expect(load("host: m, from: a@b.example, to: []").settings == nil)
  }
}
