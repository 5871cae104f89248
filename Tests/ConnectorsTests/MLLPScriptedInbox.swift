import ConnectorKit
import Dispatch
import Messages
import Synchronization

/// An inbox that does what a test says, and keeps the order of each origin as the engine's does.
final class ScriptedInbox: Inbox {
  /// `nil` holds the arrival back until `release`.
  typealias Decision = @Sendable (_ index: Int, _ arrival: Arrival) -> Receipt?

  let arrivals = Collected<Arrival>()
  let origins = Collected<String>()
  private let decide: Decision
  private let isInline: Bool
  private let state = Mutex(State())
  private let thread = DispatchQueue(label: "scripted inbox")

  private struct State {
    var count = 0
    var held: [@Sendable (Receipt) -> Void] = []
  }

  /// - Parameter isInline: answers within `offer`, for tests on one thread.
  init(isInline: Bool = false, _ decide: @escaping Decision = { _, _ in .accepted(ScriptedInbox.id, reply: nil) }) {
    self.isInline = isInline
    self.decide = decide
  }

  static let id = Identifier(high: 1, low: 2)

  func origin(_ name: String) -> any Origin {
    origins.add(name)
    return ScriptedOrigin(self)
  }

  func stage() throws(StagingError) -> any ContentWriter { throw StagingError("nothing is staged here") }

  func progress(_ key: String) async throws -> Value? { nil }

  var heldCount: Int { state.withLock { $0.held.count } }

  /// Answers the oldest arrivals that are held back, in order.
  func release(_ count: Int = 1, _ receipt: Receipt = .accepted(ScriptedInbox.id, reply: nil)) {
    let released = state.withLock { state in
      let released = Array(state.held.prefix(count))
      state.held.removeFirst(released.count)
      return released
    }
    for then in released { answer(then, receipt) }
  }

  private func answer(_ then: @escaping @Sendable (Receipt) -> Void, _ receipt: Receipt) {
    if isInline { then(receipt) } else { thread.async { then(receipt) } }
  }

  fileprivate func offer(_ arrival: Arrival, then: @escaping @Sendable (Receipt) -> Void) {
    let index = state.withLock { state in
      state.count += 1
      return state.count - 1
    }
    let receipt = decide(index, arrival)
    if let receipt {
      answer(then, receipt)
    } else {
      state.withLock { $0.held.append(then) }
    }
    arrivals.add(arrival)
  }
}

private final class ScriptedOrigin: Origin {
  private let inbox: ScriptedInbox
  init(_ inbox: ScriptedInbox) { self.inbox = inbox }
  func offer(_ arrival: Arrival, then: @escaping @Sendable (Receipt) -> Void) { inbox.offer(arrival, then: then) }
}

extension Arrival {
  /// The payload as text.
  var message: String {
    if case .bytes(let bytes) = payload.content { String(decoding: bytes, as: UTF8.self) } else { "" }
  }
}
