import ConnectorKit
@testable import Definitions
import Messages
import Testing

/// What a person is shown before a copy of a store sends anything, and which sources wait for that.
@Suite struct PartnerAddressTests {
  private func node(_ text: String) throws -> SettingNode {
    try #require(YAMLReader.read(Array(text.utf8), file: "x.yaml", environment: { _ in nil }).node)
  }

  @Test(arguments: [
    ("{host: ehr.example, port: 6661}", "mllp", "mllp ehr.example:6661"),
    ("{listen: {port: 6661}}", "mllp", "mllp who connects to 127.0.0.1:6661"),
    ("{directory: out, name: x}", "file", "file out"), ("{name: other}", "channel", "channel other"), ("{}", "x", "x"),
  ])
  func `a destination is shown by where it sends to`(text: String, connector: String, shown: String) throws {
    #expect(partnerAddress(try node(text), of: connector) == shown)
  }

  @Test func `a source that goes out to its partner waits for the release, one that is sent to doesn't`() throws {
    let port = Listening.kind
    #expect(goesOut(try node("{directory: in}"), of: "file", .group([])))
    #expect(goesOut(try node("{connect: {host: a, port: 1}}"), of: "mllp", port))
    #expect(!goesOut(try node("{port: 2575}"), of: "mllp", port))
    #expect(!goesOut(try node("{}"), of: "channel", .group([])))
  }
}

private struct Listening: Settings {
  @Setting("The port.") var port: Port
  init() {}
}
