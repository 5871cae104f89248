import NIOCore

/// The time-outs of one connection, behind one scheduled call: a deadline that moves further away costs nothing.
///
/// Lives on the connection's event loop.
final class MLLPTimers {
  enum Kind { case handshake, frame, idle, linger, farewell }

  private var loop: (any EventLoop)?
  private var expire: ((Kind) -> Void)?
  private var idle = TimeAmount.zero
  private var lastActivity = NIODeadline.uptimeNanoseconds(0)
  private var deadlines: [Kind: NIODeadline] = [:]
  private var scheduled: (deadline: NIODeadline, call: Scheduled<Void>)?

  var isInHandshake: Bool { deadlines[.handshake] != nil }
  var isLingering: Bool { deadlines[.linger] != nil }

  /// - Parameters:
  ///   - handshake: `nil` where there is none.
  ///   - expire: is called on the loop each time that a deadline has passed.
  func start(on loop: any EventLoop, idle: TimeAmount, handshake: TimeAmount?, expire: @escaping (Kind) -> Void) {
    self.loop = loop
    self.expire = expire
    self.idle = idle
    lastActivity = loop.now
    if let handshake { deadlines[.handshake] = loop.now + handshake }
    arm()
  }

  func stop() {
    scheduled?.call.cancel()
    scheduled = nil
    expire = nil
    loop = nil
  }

  func isActive() {
    if let loop { lastActivity = loop.now }
  }

  func handshakeEnded() { deadlines[.handshake] = nil }

  /// Does nothing where the frame's time already runs.
  func frameBegan(within limit: TimeAmount) { begin(.frame, limit) }

  func frameEnded() {
    if !deadlines.isEmpty { deadlines[.frame] = nil }
  }

  func linger(_ limit: TimeAmount) { begin(.linger, limit) }
  func farewell(_ limit: TimeAmount) { begin(.farewell, limit) }

  private func begin(_ kind: Kind, _ limit: TimeAmount) {
    guard let loop, deadlines[kind] == nil else { return }
    deadlines[kind] = loop.now + limit
    arm()
  }

  private func arm() {
    guard let loop else { return }
    let next = deadlines.values.min().map { min($0, lastActivity + idle) } ?? lastActivity + idle
    if let scheduled {
      if scheduled.deadline <= next { return }
      scheduled.call.cancel()
    }
    let call = loop.assumeIsolated().scheduleTask(deadline: next) { [weak self] () -> Void in self?.look() }
    scheduled = (next, call)
  }

  private func look() {
    scheduled = nil
    guard let loop else { return }
    let now = loop.now
    for (kind, deadline) in deadlines where deadline <= now {
      deadlines[kind] = nil
      expire?(kind)
    }
    if lastActivity + idle <= now {
      lastActivity = now
      expire?(.idle)
    }
    arm()
  }
}
