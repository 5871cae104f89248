internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The lines that a child wrote to its standard output, and who waits for one.
final class ChildOutput: Sendable {
  /// Lines that are kept; older ones are forgotten.
  private static let linesMax = 10_000

  private struct Waiter {
    let id: UInt64
    let fits: @Sendable (String) -> Bool
    let continuation: CheckedContinuation<String, any Error>
  }
  private struct State {
    var lines: [String] = []
    var hasEnded = false
    var waiters: [Waiter] = []
    var nextWaiter: UInt64 = 0
  }
  private let state = Mutex(State())

  func add(_ line: String) {
    let woken = state.withLock { state in
      state.lines.append(line)
      if state.lines.count > Self.linesMax { state.lines.removeFirst(Self.linesMax / 2) }
      let woken = state.waiters.filter { $0.fits(line) }
      state.waiters.removeAll { waiter in woken.contains { $0.id == waiter.id } }
      return woken
    }
    for waiter in woken { waiter.continuation.resume(returning: line) }
  }

  func end() {
    let left = state.withLock { state in
      defer { state.waiters = [] }
      state.hasEnded = true
      return state.waiters
    }
    for waiter in left {
      waiter.continuation.resume(throwing: PartnerError.child("the process ended before it said what was awaited"))
    }
  }

  func line(within: Duration, where fits: @escaping @Sendable (String) -> Bool) async throws -> String {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let timer = loop.scheduleTask(in: .nanoseconds(Int64(clamping: within.nanosecondsWhole))) { self.giveUp(id) }
    defer { timer.cancel() }
    return try await withCheckedThrowingContinuation { continuation in
      let found: Result<String, any Error>? = state.withLock { state in
        if let line = state.lines.first(where: fits) { return .success(line) }
        if state.hasEnded { return .failure(PartnerError.child("the process ended before it said what was awaited")) }
        state.waiters.append(Waiter(id: id, fits: fits, continuation: continuation))
        return nil
      }
      if let found { continuation.resume(with: found) }
    }
  }

  private func giveUp(_ id: UInt64) {
    let waiter = state.withLock { state in
      state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
    }
    waiter?.continuation.resume(throwing: PartnerError.child("the process did not say in time what was awaited"))
  }
}

/// Cuts a child's output into lines.
final class ChildOutputReader: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  /// A longer line is cut.
  private static let lineBytesMax = 65_536

  private let output: ChildOutput
  private var pending: [UInt8] = []

  init(output: ChildOutput) { self.output = output }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    for byte in unwrapInboundIn(data).readableBytesView {
      if byte == 0x0A || pending.count == Self.lineBytesMax {
        output.add(String(decoding: pending, as: UTF8.self))
        pending = []
      }
      if byte != 0x0A { pending.append(byte) }
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    if !pending.isEmpty { output.add(String(decoding: pending, as: UTF8.self)) }
    output.end()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
