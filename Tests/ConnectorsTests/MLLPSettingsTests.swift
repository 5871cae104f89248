import ConnectorKit
import Messages
import Testing

@testable import Connectors

struct MLLPSettingsTests {
  private static let place = Place(file: "test.yaml", line: 1, column: 1)

  private func map(_ entries: [(String, SettingNode)]) -> SettingNode {
    SettingNode(
      .map(entries.map { SettingNode.Entry(key: $0.0, keyPlace: Self.place, value: $0.1) }), at: Self.place)
  }
  private func text(_ text: String) -> SettingNode { SettingNode(.scalar(text), at: Self.place) }
  private func list(_ texts: String...) -> SettingNode { SettingNode(.list(texts.map(text)), at: Self.place) }

  private func problems<Options: Settings>(_ type: Options.Type, _ entries: [(String, SettingNode)]) -> [Problem] {
    let reader = SettingReader(folder: "/etc/hilum")
    _ = Options.read(map(entries), reader)
    return reader.problems
  }

  private var serverTLS: SettingNode {
    map([("certificate", text("tls/server.pem")), ("key", map([("file", text("/run/secrets/mllp.key"))]))])
  }

  @Test func `the example of the reference is read`() throws {
    let reader = SettingReader(folder: "/etc/hilum")
    let ack = map([("mode", text("auto")), ("from", text("HUB")), ("on-reject", text("AE")), ("err", text("2.5"))])
    let node = map([
      ("host", text("0.0.0.0")), ("port", text("2575")), ("tls", serverTLS), ("ack", ack),
      ("acknowledge", text("accepted")), ("allow", list("10.1.2.0/24", "fd00::/8")), ("idle", text("1h")),
    ])
    let settings = try #require(MLLPSourceSettings.read(node, reader))
    #expect(reader.problems.isEmpty)
    #expect(settings.port?.number == 2575)
    #expect(settings.tls?.options?.certificate.path == "/etc/hilum/tls/server.pem")
    #expect(settings.tls?.options?.clients == nil)
    #expect(settings.ack.onReject == .error)
    #expect(settings.ack.err == .location)
    #expect(settings.allow.count == 2)
    #expect(settings.idle == .seconds(3600))
  }

  @Test func `an address that others reach wants TLS, or that it is said who may come without`() {
    let everywhere = [("host", text("0.0.0.0")), ("port", text("2575"))]
    func codes(_ more: [(String, SettingNode)]) -> [String] {
      problems(MLLPSourceSettings.self, everywhere + more).map(\.code)
    }
    #expect(codes([]) == ["C106"])
    #expect(codes([("tls", text("none"))]) == ["C106"])
    #expect(codes([("allow", list("10.1.2.0/24"))]) == ["C106"])
    #expect(codes([("tls", text("none")), ("allow", list("10.1.2.0/24"))]) == [])
    #expect(codes([("tls", serverTLS)]) == [])
    #expect(problems(MLLPSourceSettings.self, [("port", text("2575"))]).isEmpty)
    #expect(problems(MLLPSourceSettings.self, [("host", text("::1")), ("port", text("0"))]).isEmpty)
  }

  @Test func `what can't be meant is a problem where it stands`() {
    func count(_ entries: [(String, SettingNode)]) -> Int {
      problems(MLLPSourceSettings.self, [("port", text("2575"))] + entries).count
    }
    #expect(count([("tls", text("off"))]) == 1)
    #expect(count([("allow", list("10.1.2.0/24", "everybody"))]) == 1)
    #expect(count([("connections", text("0"))]) == 1)
    #expect(count([("idle", text("0s")), ("frame", text("0s"))]) == 2)
    #expect(count([("acknowledge", text("delivered"))]) == 1)
    #expect(count([("host", text(""))]) == 1)
    #expect(
      problems(MLLPDestinationSettings.self, [("host", text("")), ("port", text("6661"))]).map(\.code) == ["C106"])
    #expect(count([("tls", map([("certificate", text("a.pem")), ("key", text("s3cret"))]))]) == 1)
  }

  @Test func `a destination elsewhere without TLS is warned of, and a half set certificate refused`() {
    let host = [("host", text("ehr.hospital.example")), ("port", text("6661"))]
    func codes(_ more: [(String, SettingNode)]) -> [String] {
      problems(MLLPDestinationSettings.self, host + more).map { "\($0.code) \($0.severity)" }
    }
    #expect(codes([]) == ["C107 warning"])
    #expect(codes([("tls", text("none"))]) == [])
    #expect(codes([("tls", map([]))]) == [])
    #expect(codes([("tls", map([("certificate", text("hub.pem"))]))]) == ["C106 error"])
    #expect(codes([("tls", text("none")), ("timeout", text("0s"))]) == ["C106 error"])
    #expect(problems(MLLPDestinationSettings.self, [("host", text("localhost")), ("port", text("6661"))]).isEmpty)
  }

  @Test func `who connects and who listens is said in one way, and with the rules of every open port`() {
    func source(_ more: [(String, SettingNode)]) -> [String] {
      problems(MLLPSourceSettings.self, more).map { "\($0.code) \($0.message)" }
    }
    func destination(_ more: [(String, SettingNode)]) -> [String] {
      problems(MLLPDestinationSettings.self, more).map { "\($0.code) \($0.message)" }
    }
    let pas = map([("host", text("127.0.0.1")), ("port", text("6661"))])
    let port = map([("port", text("7000"))])
    #expect(source([("connect", pas)]) == [] && destination([("listen", port)]) == [])
    #expect(source([]) == ["C102 `port` is missing"])
    #expect(destination([]) == ["C102 `host` is missing", "C102 `port` is missing"])
    #expect(
      source([("connect", pas), ("port", text("1")), ("allow", list("10.1.2.0/24"))])
        == ["port", "allow"].map { "C106 `\($0)` says how this engine listens, and `connect` stands beside it" })
    #expect(
      destination([("listen", port), ("host", text("ehr")), ("keep-open", text("0s"))])
        == ["host", "keep-open"].map { "C106 `\($0)` says how this engine connects, and `listen` stands beside it" })
    let none = map([("host", text("pas")), ("port", text("0"))])
    #expect(source([("connect", none)]).map { $0.prefix(4) } == ["C106", "C107"])
    let everywhere = map([("host", text("0.0.0.0")), ("port", text("7000"))])
    #expect(destination([("listen", everywhere)]).map { $0.prefix(4) } == ["C106"])
    let open = map([("host", text("0.0.0.0")), ("port", text("7000")), ("tls", text("none"))])
    #expect(destination([("listen", open)]).first?.hasSuffix("so that not everybody can fetch messages") == true)
  }
}
