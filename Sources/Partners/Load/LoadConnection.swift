internal import NIOCore

/// One connection of a load: sends, waits for the acknowledgement, sends the next until the window is over.
final class LoadConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let templates: [FrameTemplate]
  private let window: LoadWindow
  private let times: LoadTimes
  private let answerWithin: TimeAmount
  private let promise: EventLoopPromise<LoadCount>
  private var scan = FrameScan()
  private var frame = ByteBuffer()
  private var count = LoadCount()
  private var number: Int
  private var template: Int
  private var sentAt: UInt64 = 0
  private var isDone = false
  private var watch: RepeatedTask?

  init(
    index: Int, frames: Load.Frames, window: LoadWindow, times: LoadTimes, answerWithin: Duration,
    promise: EventLoopPromise<LoadCount>
  ) {
    templates = frames.templates
    self.window = window
    self.times = times
    self.answerWithin = .nanoseconds(Int64(clamping: answerWithin.nanosecondsWhole))
    self.promise = promise
    number = index * LoadTimes.numbersPerConnection
    // Connections begin at different places of the cycle.
    template = index &* 7_919 % frames.templates.count
  }

  /// Tells a connection to start: all start together, when all are made.
  struct Begin: Sendable {}

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is Begin, !isDone else { return }
    watchForSilence(context)
    send(context)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    scan.feed(unwrapInboundIn(data))
    while let answer = scan.next() {
      let now = MonotonicClock.nanoseconds()
      guard !isDone else { return }
      guard isAcceptance(answer) else {
        fail("an answer refused message \(number) or was not its answer", context)
        return
      }
      if window.contains(now) {
        count.messages += 1
        count.latency.add(nanoseconds: now &- sentAt)
      }
      if window.isOver {
        finish(context)
      } else {
        number += 1
        send(context)
      }
    }
  }

  func channelInactive(context: ChannelHandlerContext) { fail("the connection was closed", context) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { fail("the connection was lost", context) }

  private func send(_ context: ChannelHandlerContext) {
    let next = templates[template]
    template = template + 1 == templates.count ? 0 : template + 1
    frame.clear()
    frame.writeBytes(next.frame)
    Self.write(number, width: MessageGenerator.controlDigits, at: next.controlDigits, in: &frame)
    if let patient = next.patientDigits {
      Self.write(number, width: MessageGenerator.patientDigits, at: patient, in: &frame)
    }
    sentAt = MonotonicClock.nanoseconds()
    times.sent(number, at: sentAt)
    context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
  }

  /// Whether it accepts the message that was sent last.
  private func isAcceptance(_ answer: ByteBuffer) -> Bool {
    let bytes = answer.readableBytesUInt8Span
    guard let (code, id) = HeaderScan.acknowledgement(in: bytes), code.isAcceptance else { return false }
    return Self.number(endingAt: id, in: bytes) == number
  }

  /// The number in the last digits of a control id.
  static func number(endingAt id: Range<Int>, in bytes: Span<UInt8>) -> Int? {
    guard id.count >= MessageGenerator.controlDigits else { return nil }
    var number = 0
    for index in (id.upperBound - MessageGenerator.controlDigits)..<id.upperBound {
      let digit = bytes[index] &- 0x30
      guard digit < 10 else { return nil }
      number = number * 10 + Int(digit)
    }
    return number
  }

  private static func write(_ number: Int, width: Int, at offset: Int, in frame: inout ByteBuffer) {
    frame.withUnsafeMutableReadableBytes { bytes in
      guard offset >= 0, offset + width <= bytes.count else { return }
      var left = number
      for place in stride(from: offset + width - 1, through: offset, by: -1) {
        bytes[place] = UInt8(0x30 + left % 10)
        left /= 10
      }
    }
  }

  private func watchForSilence(_ context: ChannelHandlerContext) {
    let box = NIOLoopBound(self, eventLoop: context.eventLoop)
    let contextBox = NIOLoopBound(context, eventLoop: context.eventLoop)
    watch = context.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
      let connection = box.value
      let silence = MonotonicClock.nanoseconds() &- connection.sentAt
      if silence > UInt64(connection.answerWithin.nanoseconds) {
        connection.fail("no answer came to message \(connection.number)", contextBox.value)
      }
    }
  }

  private func finish(_ context: ChannelHandlerContext) {
    isDone = true
    watch?.cancel()
    context.close(promise: nil)
    promise.succeed(count)
  }

  private func fail(_ reason: String, _ context: ChannelHandlerContext) {
    guard !isDone else { return }
    isDone = true
    watch?.cancel()
    context.close(promise: nil)
    promise.fail(PartnerError.load(reason))
  }
}
