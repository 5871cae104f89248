import ConnectorKit
import Messages
import Synchronization

/// Answers on a way of their own, brought by the test.
final class LaterByHand: LaterAnswers {
  private struct Expected {
    let name: String
    let delivery: DeliveryID
    let then: @Sendable (Payload) -> Void
  }
  private let state = Mutex<[Expected]>([])

  /// What is still expected.
  var names: [String] { state.withLock { $0.map(\.name) } }

  func expect(_ name: String, to delivery: DeliveryID, then: @escaping @Sendable (Payload) -> Void) {
    state.withLock { $0.append(Expected(name: name, delivery: delivery, then: then)) }
  }

  func forget(_ delivery: DeliveryID) -> Bool {
    state.withLock { state in
      let before = state.count
      state.removeAll { $0.delivery == delivery }
      return state.count < before
    }
  }

  /// Takes it out as the engine does, to be given on when it is called.
  func take(_ name: String) -> (@Sendable (Payload) -> Void)? {
    state.withLock { state in
      state.firstIndex { $0.name == name }.map { state.remove(at: $0).then }
    }
  }
}
