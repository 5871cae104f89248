import ConnectorKit
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import Connectors

/// Answers every read with 200.
private final class Agreeing: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let text = String(buffer: unwrapInboundIn(data))
    guard text.contains("}") else { return }
    context.writeAndFlush(
      wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")),
      promise: nil)
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

@Suite(.timeLimit(.minutes(1))) struct WebhookTests {
  private func post(
    server: String, ca: String = "ca", url: (Int) -> String = { "https://localhost:\($0)/x" },
    secret: Secret? = nil, timeout: Duration = .seconds(5), answers: Bool = true
  ) async throws -> String? {
    let made = try TestCertificates.made()
    let context = try made.serverContext(server)
    let port = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
          if answers { try channel.pipeline.syncOperations.addHandler(Agreeing()) }
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    defer { port.close(promise: nil) }
    let hook = Webhook(
      url: url(port.localAddress?.port ?? 0), header: "Authorization", secret: secret,
      ca: FilePath(made.path("\(ca).pem")), timeout: timeout)
    return await hook.post(Array("{}".utf8))
  }

  @Test func `a post over TLS is taken, and the hospital's own authority counts`() async throws {
    #expect(try await post(server: "server") == nil)
  }

  @Test func `a certificate of another authority, for another name or past its end gets nothing`() async throws {
    for server in ["stranger", "elsewhere", "expired"] {
      let reason = try #require(try await post(server: server), "\(server)")
      #expect(reason.contains("certificate"), "\(server): \(reason)")
    }
  }

  @Test func `who never answers, or isn't there, is given up in time, without a word of the address`() async throws {
    let late = try #require(try await post(server: "server", timeout: .milliseconds(300), answers: false))
    let gone = try #require(try await post(server: "server", url: { _ in "https://localhost:1/secret-path" }))
    #expect(!late.contains("localhost") && !gone.contains("secret-path"), "\(late) \(gone)")
  }

  @Test func `a secret that can't be read, or is no line, is said and not sent`() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/hilum-hook-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = folder + "/secret"
    let missing = try await post(server: "server", secret: Secret(.file(file)))
    #expect(missing?.hasPrefix("notify.webhook.secret: \(file)") == true)
    for (text, isTaken) in [("Bearer x\n", true), ("", false), ("a\r\nX-Evil: canary", false), ("é", false)] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
      let said = try await post(server: "server", secret: Secret(.file(file)))
      #expect((said == nil) == isTaken && said?.contains("canary") != true, "\(said ?? "")")
    }
  }
}
