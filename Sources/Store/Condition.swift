import Synchronization

/// The store's condition, and who is told when it changes.
final class ConditionCell: Sendable {
  private struct State: Sendable {
    var condition = StoreCondition.open
    var observer: (@Sendable (StoreCondition) -> Void)?
  }
  private let state = Mutex(State())
  /// Read for every arrival, without the lock.
  private let isOpenFlag = Atomic<Bool>(true)

  var value: StoreCondition { state.withLock { $0.condition } }
  var isOpen: Bool { isOpenFlag.load(ordering: .acquiring) }

  func observe(_ change: @escaping @Sendable (StoreCondition) -> Void) { state.withLock { $0.observer = change } }

  /// A lost store stays lost.
  func set(_ condition: StoreCondition) {
    let observer: (@Sendable (StoreCondition) -> Void)? = state.withLock { state in
      if case .lost = state.condition { return nil }
      guard state.condition != condition else { return nil }
      state.condition = condition
      isOpenFlag.store(condition == .open, ordering: .releasing)
      return state.observer
    }
    observer?(condition)
  }
}
