import HL7
import NIOCore
import NIOSSL

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One connection to a partner, as its lane sees it: frames out, answers in. Lives on the lane's event loop.
final class MLLPLink: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// `nil` when the lane has left it.
  private var lane: MLLPLane?
  private var context: ChannelHandlerContext?
  private var framing: MLLPFraming
  private var reason: String?
  /// The partner ended the connection because of our certificate.
  private var isRefused = false
  /// Its lane has no more to do with it: what still arrives is nobody's answer.
  private var isLeft = false
  private(set) var isReading = false
  /// A newer connection takes its place: nothing more is sent on it.
  private(set) var givesWay = false

  init(_ lane: MLLPLane, answerBytesMax: Int) {
    self.lane = lane
    // An answer is known by its control id, so the CR behind its FS decides nothing.
    framing = MLLPFraming(
      MLLPFraming.Options(
        frameBytesMax: answerBytesMax, returnRequired: false, junkBytesMax: MLLPLimits.answerJunkBytesMax))
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  /// Frames a message and hands it on; it goes out with the next `flush`.
  func write(_ message: [UInt8]) {
    guard let context else { return }
    var buffer = context.channel.allocator.buffer(capacity: message.count + 3)
    buffer.writeFrame(message)
    context.write(wrapOutboundOut(buffer), promise: nil)
  }

  func flush() { context?.flush() }

  /// MSG_PEEK | MSG_DONTWAIT of Linux, whose names are imported with a type that depends on how the package is built.
  private static let peekWithoutWaiting: CInt = 0x02 | 0x40

  /// Whether the partner's end of the stream already waits in the socket. What is written on such a connection is lost,
  /// and nobody could say whether it was taken.
  var hasEnded: Bool {
    guard let operations = context?.pipeline.syncOperations else { return true }
    let count = try? operations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
      var byte: UInt8 = 0
      return recv(socket, &byte, 1, Self.peekWithoutWaiting)
    }
    return count == 0
  }

  /// Ends as soon as nothing is under way on it.
  func giveWay() {
    givesWay = true
    if let lane { lane.givesWay(self) } else { context?.close(promise: nil) }
  }

  /// Closes the connection; nothing that comes after this reaches the lane.
  func leave() {
    isLeft = true
    lane = nil
    context?.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isLeft else { return }
    isReading = true
    let actions = unwrapInboundIn(data).withUnsafeReadableBytes { framing.receive($0) }
    for action in actions where !isLeft {
      switch action {
      case .frame(let answer): lane?.received(answer)
      case .junk, .partial: break
      case .violation(let violation): lane?.broke("the partner's answer can't be read: \(violation)")
      case .oversize: lane?.broke("the partner's answer is larger than any answer may be")
      }
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    if !isLeft { lane?.readCompleted() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let lane, reason == nil {
      isRefused = TLSFailure.isRefusalOfOurCertificate(error)
      let certificate = (try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self))?.peerCertificate
      reason =
        TLSFailure.reason(
          error, certificate: certificate, expectedName: lane.route.expectedName, now: UnixTime.seconds())
        ?? ConnectFailure.reason(error, target: lane.route.target)
    }
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    isReading = false
    if !isLeft { lane?.lost(self, reason, isRefused: isRefused) }
    isLeft = true
    lane = nil
  }
}
