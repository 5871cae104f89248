import ConnectorKit
import NIOCore
import NIOEmbedded
import NIOSSL

@testable import Connectors

/// A source's connections without sockets, on a clock that the test moves.
final class NIOEmbeddedLoop {
  let loop = EmbeddedEventLoop()

  func connection(_ tls: NIOSSLContext, log: LogLines, handshake: TimeAmount) throws -> EmbeddedChannel {
    let inbox = ScriptedInbox(isInline: true)
    let shared = MLLPConnection.Shared(
      answering: MLLPAnswering(MLLPAckSettings(), HL7Settings()), inbox: inbox, logger: log.logger,
      messageBytesMax: 1_000, unfinished: MLLPUnfinished(byteCountMax: 1 << 30), idle: .hours(1), frame: .seconds(30),
      handshake: handshake)
    let connection = MLLPConnection(
      shared, receipts: MLLPReceipts(on: loop), peer: Peer(address: "10.1.2.3"), origin: inbox.origin("10.1.2.3:9"),
      whenClosed: { _ in })
    let channel = EmbeddedChannel(handlers: [NIOSSLServerHandler(context: tls), connection], loop: loop)
    try channel.connect(to: SocketAddress(ipAddress: "10.1.2.3", port: 9)).wait()
    return channel
  }

  func advance(_ time: TimeAmount) { loop.advanceTime(by: time) }
}
