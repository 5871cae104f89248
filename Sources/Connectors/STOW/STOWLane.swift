import ConnectorKit
import Synchronization

/// Sends as many objects at once as may be under way without an order; one after the other where the lane is strict.
final class STOWLane: Sendable {
  typealias Outcome = Result<Reply, DeliveryError>
  typealias Then = @Sendable (Outcome) -> Void

  private struct State {
    var waiting: [(delivery: Delivery, then: Then)] = []
    var running: [Int: Task<Void, Never>] = [:]
    var begun = 0
    /// One could not be reached: those that follow it must not overtake it.
    var isBroken = false
    var isClosed = false
  }

  private let atOnce: Int
  private let store: @Sendable (Delivery) async -> Outcome
  private let state = Mutex(State())

  /// - Parameter store: sends one; it is cancelled when the lane closes.
  init(atOnce: Int, store: @escaping @Sendable (Delivery) async -> Outcome) {
    self.atOnce = atOnce
    self.store = store
  }

  func send(_ delivery: Delivery, then: @escaping Then) {
    let refusal: DeliveryError? = state.withLock { state in
      if state.isClosed { return DeliveryError(.cancelled, "the destination is closed", bytesSent: false) }
      if !delivery.followsOthers { state.isBroken = false }
      if state.isBroken { return Self.notTried }
      state.waiting.append((delivery, then))
      begin(&state)
      return nil
    }
    if let refusal { then(.failure(refusal)) }
  }

  private static let notTried = DeliveryError(
    .unreachable, "the object before it could not be sent", bytesSent: false)

  private func begin(_ state: inout State) {
    while state.running.count < atOnce, !state.waiting.isEmpty {
      let (delivery, then) = state.waiting.removeFirst()
      state.begun += 1
      let number = state.begun
      state.running[number] = Task { ended(number, await store(delivery), then) }
    }
  }

  private func ended(_ number: Int, _ outcome: Outcome, _ then: Then) {
    let behind = state.withLock { state in
      guard atOnce == 1, case .failure(let failure) = outcome, failure.kind == .unreachable else { return [Then]() }
      state.isBroken = true
      defer { state.waiting = [] }
      return state.waiting.map(\.then)
    }
    then(outcome)
    for then in behind { then(.failure(Self.notTried)) }
    state.withLock { state in
      state.running[number] = nil
      if !state.isClosed { begin(&state) }
    }
  }

  func close() async {
    let (waiting, running) = state.withLock { state in
      state.isClosed = true
      defer { state.waiting = [] }
      return (state.waiting, Array(state.running.values))
    }
    for task in running { task.cancel() }
    for entry in waiting {
      entry.then(.failure(DeliveryError(.cancelled, "the destination was closed", bytesSent: false)))
    }
    for task in running { await task.value }
  }
}
