import ConnectorKit
import DequeModule
import Synchronization

/// Gives the receipts of one origin in the order of its arrivals, whenever each becomes known: the one that waits for a
/// partner holds back those behind it.
final class AnswerOrder: Sendable {
  private struct Entry {
    let then: @Sendable (Receipt) -> Void
    var receipt: Receipt?
    /// Whom it waits for after it was stored.
    var awaited: AwaitedAnswer?
  }

  private struct State {
    var entries: Deque<Entry> = []
    /// The number of the first of them.
    var first = 0
    /// Somebody hands out at this moment: one at a time, or they would overtake each other.
    var isHandingOut = false
    /// The sender is gone.
    var isClosed = false
  }
  private let state = Mutex(State())

  /// The next arrival.
  ///
  /// - Returns: its number.
  func enter(_ then: @escaping @Sendable (Receipt) -> Void) -> Int {
    state.withLock { state in
      state.entries.append(Entry(then: then))
      return state.first + state.entries.count - 1
    }
  }

  /// It is stored, and its receipt comes from elsewhere.
  ///
  /// - Returns: whether somebody is there to hear it.
  func waits(_ number: Int, for awaited: AwaitedAnswer) -> Bool {
    state.withLock { state in
      let index = number - state.first
      if state.entries.indices.contains(index) { state.entries[index].awaited = awaited }
      return !state.isClosed
    }
  }

  /// The sender is gone.
  ///
  /// - Returns: what is waited for in vain: messages of which it was told that they are safe. However many there are of
  ///   those behind a partner that is away, nothing of them is kept. Of others the time goes on.
  func close() -> [AwaitedAnswer] {
    state.withLock { state in
      state.isClosed = true
      return state.entries.compactMap(\.awaited).filter(\.isPromised)
    }
  }

  /// What wasn't answered in time, with all behind it that is stored and waits: none of it may go before what its
  /// sender sends again.
  func awaited(from number: Int) -> [AwaitedAnswer] {
    state.withLock { state in
      let index = max(0, number - state.first)
      return index < state.entries.count ? state.entries[index...].compactMap(\.awaited) : []
    }
  }

  /// The receipt of an arrival. The first one counts.
  func settle(_ number: Int, _ receipt: Receipt) {
    let handsOut = state.withLock { state in
      let index = number - state.first
      guard state.entries.indices.contains(index), state.entries[index].receipt == nil else { return false }
      state.entries[index].receipt = receipt
      guard index == 0, !state.isHandingOut else { return false }
      state.isHandingOut = true
      return true
    }
    guard handsOut else { return }
    while let (then, receipt) = next() { then(receipt) }
  }

  private func next() -> (@Sendable (Receipt) -> Void, Receipt)? {
    state.withLock { state in
      guard let entry = state.entries.first, let receipt = entry.receipt else {
        state.isHandingOut = false
        return nil
      }
      state.entries.removeFirst()
      state.first += 1
      if case .unavailable = receipt {
        for index in state.entries.indices {
          state.entries[index].receipt = .unavailable(reason: "an earlier message of this sender was not answered")
        }
      }
      return (entry.then, receipt)
    }
  }
}
