import ConnectorKit
import DequeModule
import Dispatch
import Messages
import Store
import Synchronization

/// Hands the deliveries of one lane on to another channel of the engine.
///
/// The other channel's pipeline runs on a queue of this lane, never on the thread that writes; then the end of the
/// delivery and the arrival there are one unit of the store. Several units may wait for their commit at once: in a
/// strict lane one that isn't taken keeps those behind it from being taken, so that nothing passes it.
package final class HandOver: Sendable {
  /// Through so many channels a message goes at most: deployments over time may build a circle that no check saw.
  static let hopsMax = 16
  /// How many may wait for their commit in a strict lane.
  static let window = 32
  /// The longest wait between two tries.
  static let waitMaxMilliseconds: Int64 = 10_000
  /// The key of `rendered` under which a delivery says through how many channels its message has come.
  static let hops = "hops"

  /// - Parameter refusal: what the log may say of a refusal.
  typealias Then = @Sendable (_ end: LaneMachine.End, _ refusal: String?) -> Void

  private struct Turn {
    let delivery: WaitingDelivery
    let attempt: Int
    let followsOthers: Bool
    let then: Then
  }

  private struct State {
    var backlog: Deque<Turn> = []
    var isWorking = false
    /// One that went before wasn't taken: those that follow it aren't tried.
    var isBroken = false
    /// The lane knows of one that wasn't taken, and will wait.
    var isTold = false
    var gate = OriginGate()

    mutating func begin() { (isBroken, isTold, gate) = (false, false, OriginGate()) }
  }

  let target: ChannelName
  let lane: LaneName
  private let key: Int64
  private let isStrict: Bool
  private let shared: EngineShared
  private let queue = DispatchQueue(label: "hilum.hand-over")
  private let state = Mutex(State())

  init(to target: ChannelName, from lane: LaneName, lane key: Int64, isStrict: Bool, _ shared: EngineShared) {
    self.target = target
    self.lane = lane
    self.key = key
    self.isStrict = isStrict
    self.shared = shared
  }

  /// In the lane's order; `then` is called once for each, in that order too where the lane is strict.
  func send(_ delivery: WaitingDelivery, attempt: Int, followsOthers: Bool, then: @escaping Then) {
    let begins = state.withLock { state in
      state.backlog.append(Turn(delivery: delivery, attempt: attempt, followsOthers: followsOthers, then: then))
      defer { state.isWorking = true }
      return !state.isWorking
    }
    if begins { queue.async { self.work() } }
  }

  private func work() {
    while true {
      let next: Turn? = state.withLock { state in
        state.isWorking = !state.backlog.isEmpty
        return state.backlog.first
      }
      guard let next else { return }
      guard let channel = shared.channel(target) else {
        drop()
        if !next.followsOthers { state.withLock { $0.begin() } }
        away(next, "there is no channel \(target)")
        continue
      }
      let version = channel.passage.enter { [self] in queue.async { self.work() } }
      // While it is deployed, what comes waits in front of it.
      guard let version else { return }
      drop()
      take(next, channel, version)
    }
  }

  private func drop() { state.withLock { _ = $0.backlog.popFirst() } }

  /// Inside the channel's passage, which is left when the store has answered.
  private func take(_ turn: Turn, _ channel: ChannelRuntime, _ version: ChannelVersion) {
    let gate = state.withLock { state -> OriginGate? in
      guard isStrict else { return OriginGate() }
      if !turn.followsOthers { state.begin() }
      return state.isBroken ? nil : state.gate
    }
    guard let gate else {
      channel.passage.leave()
      return turn.then(.notTried, nil)
    }
    if let reason = channel.reasonNotToTake(bytes: turn.delivery.payload.bytesInMemory, version) {
      channel.passage.leave()
      return away(turn, reason)
    }
    let hops = turn.delivery.hops + 1
    if hops > Self.hopsMax {
      channel.passage.leave()
      let reason = "it has come through \(Self.hopsMax) channels already: do they go round in a circle?"
      return refused(turn, .reject, reason, said: reason)
    }
    let attempt = Attempt(
      delivery: turn.delivery.id, lane: key, sequence: turn.delivery.sequence, epoch: shared.store.epoch,
      attempts: turn.attempt, at: shared.clock.now().wall, possiblySent: false,
      end: .delivered(summary: "", reply: nil))
    let handed = Handed(payload: turn.delivery.payload, messages: [turn.delivery.message], hops: hops)
    let isRejected = channel.take(handed, from: lane, [attempt], version, gate: gate) { [self] result in
      ended(turn, result)
    }
    // Known before anything behind it is looked at.
    if isRejected { state.withLock { $0.isBroken = isStrict } }
  }

  private func ended(_ turn: Turn, _ result: HandedOver) {
    switch result {
    case .taken(let summary): turn.then(.handedOn(summary: summary), nil)
    case .gone: turn.then(.gone, nil)
    case .refused(let kind, let text, let said): refused(turn, kind, text, said: said)
    case .unavailable(let reason): away(turn, reason)
    }
  }

  private func away(_ turn: Turn, _ reason: String) {
    let isNews = state.withLock { state in
      defer { (state.isBroken, state.isTold) = (isStrict, isStrict) }
      return !state.isTold
    }
    turn.then(isNews ? .unreachable(reason: reason, bytesSent: false, retryAfter: nil) : .notTried, nil)
  }

  /// - Parameters:
  ///   - text: may quote the message.
  ///   - said: what the log may say.
  private func refused(_ turn: Turn, _ kind: Rejection.Kind, _ text: String, said: String) {
    state.withLock { ($0.isBroken, $0.isTold) = (isStrict, isStrict) }
    turn.then(
      .refused(reason: text, code: kind.rawValue, forever: kind == .reject, reply: nil, retryAfter: nil), said)
  }

  func ping() -> PingReport {
    guard let channel = shared.channel(target) else {
      return PingReport(reached: false, lines: ["there is no channel \(target)"])
    }
    let reason = channel.reasonNotToTake(bytes: 0, channel.passage.version)
    return PingReport(reached: reason == nil, lines: [reason ?? "channel \(target) is running and takes messages"])
  }
}

/// What became of a message that was handed on.
enum HandedOver: Sendable {
  /// It is durable there, and the delivery has ended.
  case taken(summary: String)
  /// The delivery had ended before.
  case gone
  /// The other channel rejects it, and keeps that. `said` is what the log may say.
  case refused(Rejection.Kind, String, said: String)
  /// Nothing was changed.
  case unavailable(reason: String)
}

extension HandOver {
  /// Through how many channels a message has come, as its source says; `nil` where none handed it on.
  static func hops(_ attributes: [String: Value]) -> Int64? {
    guard case .integer(let hops)? = attributes["source"]?[hops] else { return nil }
    return hops
  }
}

extension WaitingDelivery {
  /// Through how many channels its message had come when it was accepted.
  var hops: Int { rendered[HandOver.hops]?.first.flatMap { Int($0.text) } ?? 0 }
}
