import Definitions
import Messages
package import Store

/// One look at an engine: what its status, its metrics, its health and its alerts are made of.
package struct EngineLook: Sendable {
  package var status: EngineStatus
  /// `nil` where the store could not be read.
  package var ledgers: [ChannelLedger]?
  /// `nil` where nothing is known of the disk.
  package var facts: StoreFacts?
  package var condition: StoreCondition
  package var isStopping: Bool
  package var now: Moment

  package init(
    status: EngineStatus, ledgers: [ChannelLedger]? = nil, facts: StoreFacts? = nil, condition: StoreCondition = .open,
    isStopping: Bool = false, now: Moment
  ) {
    self.status = status
    self.ledgers = ledgers
    self.facts = facts
    self.condition = condition
    self.isStopping = isStopping
    self.now = now
  }
}

extension Engine {
  /// Looks at everything once.
  package func look() async -> EngineLook {
    let ledgers = try? await store.ledger()
    return EngineLook(
      status: status(ledgers), ledgers: ledgers, facts: store.facts(), condition: store.condition,
      isStopping: isStopping, now: shared.clock.now())
  }
}
