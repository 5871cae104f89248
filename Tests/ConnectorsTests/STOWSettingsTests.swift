import ConnectorKit
import Messages
import Testing

@testable import Connectors

struct STOWSettingsTests {
  private static let place = Place(file: "test.yaml", line: 1, column: 1)

  private func map(_ entries: [(String, SettingNode)]) -> SettingNode {
    SettingNode(
      .map(entries.map { SettingNode.Entry(key: $0.0, keyPlace: Self.place, value: $0.1) }), at: Self.place)
  }
  private func text(_ text: String) -> SettingNode { SettingNode(.scalar(text), at: Self.place) }
  private var secret: SettingNode { map([("file", text("/run/secrets/pacs"))]) }

  private func problems(_ url: String, _ entries: (String, SettingNode)...) -> [Problem] {
    let reader = SettingReader(folder: "/etc/hilum")
    _ = STOWSettings.read(map([("url", text(url))] + entries), reader)
    return reader.problems
  }

  @Test(arguments: [
    ("https://pacs.example/dicom-web", "pacs.example", 443, "/dicom-web", "pacs.example"),
    ("HTTPS://pacs.example:8443//", "pacs.example", 8443, "", "pacs.example:8443"),
    ("http://127.0.0.1/a%20b/c/", "127.0.0.1", 80, "/a%20b/c", "127.0.0.1"),
    ("http://[::1]:8042", "::1", 8042, "", "[::1]:8042"),
  ])
  func `an address is taken apart`(text: String, host: String, port: Int, path: String, authority: String) throws {
    let address = try #require(HTTPAddress(text))
    #expect(address.host == host && address.port == port && address.path == path && address.authority == authority)
    #expect(address.url("/studies").hasSuffix("\(port)\(path)/studies"))
  }

  @Test(arguments: [
    "", "pacs", "https://", "ftp://pacs", "https:///x", "https://u:p@pacs/x", "https://pacs/x?y", "https://pacs/x#y",
    "https://pacs:0", "https://pacs:70000", "https://pacs:", "https://pa cs/", "https://pacs/ä", "https://[::g]/",
    "https://[::1", "https://pacs/%2", "https://pacs/\r\nX: y", "https://[::1]x",
  ])
  func `what is no address is a problem`(text: String) {
    #expect(problems(text).map(\.code) == ["C103"])
  }

  @Test func `objects go in clear on this machine, or where it is said`() {
    #expect(problems("https://pacs.example/x").isEmpty)
    #expect(problems("http://127.0.0.1:8042/x").isEmpty && problems("http://localhost/x").isEmpty)
    #expect(problems("http://pacs.example/x").map(\.code) == ["C107"])
    #expect(problems("http://pacs.example/x", ("tls", text("none"))).isEmpty)
    #expect(problems("https://pacs.example/x", ("tls", text("none"))).map(\.code) == ["C106"])
    #expect(problems("http://pacs.example/x", ("tls", map([]))).map(\.code) == ["C106"])
    #expect(problems("http://127.0.0.1/x", ("token", secret)).isEmpty)
    #expect(problems("http://pacs.example/x", ("tls", text("none")), ("token", secret)).map(\.code) == ["C106"])
  }

  @Test func `a login is a name with a password, or a token`() {
    let url = "https://pacs.example/x"
    #expect(problems(url, ("user", text("hilum")), ("password", secret)).isEmpty)
    #expect(problems(url, ("token", secret)).isEmpty)
    #expect(problems(url, ("user", text("hilum"))).map(\.code) == ["C106"])
    #expect(problems(url, ("password", secret)).map(\.code) == ["C106"])
    #expect(problems(url, ("user", text("hi:lum")), ("password", secret)).map(\.code) == ["C106"])
    #expect(problems(url, ("user", text("hilum")), ("password", secret), ("token", secret)).map(\.code) == ["C106"])
    #expect(problems(url, ("token", text("abc"))).map(\.code) == ["C105"])
    #expect(problems(url, ("timeout", text("0s")), ("connect-timeout", text("0s"))).count == 2)
  }
}
