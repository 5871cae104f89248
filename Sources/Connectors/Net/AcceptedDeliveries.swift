import ConnectorKit
import Messages
import Synchronization

/// What the partner has accepted and not told the outcome of, for people to see.
final class AcceptedDeliveries: Sendable {
  private let content = Mutex<[DeliveryID: Int64]>([:])

  var deliveries: [AcceptedDelivery] { content.withLock { $0.map { AcceptedDelivery($0.key, until: $0.value) } } }
  func add(_ delivery: DeliveryID, until: Int64) { content.withLock { $0[delivery] = until } }
  func remove(_ delivery: DeliveryID) { content.withLock { $0[delivery] = nil } }
}
