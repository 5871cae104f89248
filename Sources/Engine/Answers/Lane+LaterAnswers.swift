package import ConnectorKit
import HL7
import Messages
import Store
import Synchronization

extension Lane {
  /// What the partner has accepted and not told the outcome of.
  package var accepted: [AcceptedDelivery] { connector.accepted() }

  /// An application acknowledgement came by itself, and what it names was sent before and waits to be sent again, as
  /// after a restart: it ends with this answer, and isn't sent.
  ///
  /// - Parameter before: gets the delivery before its end can be durable.
  /// - Returns: whether there is such a delivery; `nil` where that isn't known at this moment.
  func answered(_ controlID: String, _ answer: Payload, before: (DeliveryID) -> Void) -> Bool? {
    guard let result = connector.meaning(of: answer) else { return false }
    let (claimed, isKnown) = state.withLock { state -> (WaitingDelivery?, Bool) in
      guard state.machine.canClaim else { return (nil, false) }
      return (state.machine.claim { Self.controlID($0) == controlID }, true)
    }
    guard isKnown else { return nil }
    guard let claimed else { return false }
    before(claimed.id)
    ended(claimed, claimed.attempts, result)
    return true
  }

  private static func controlID(_ delivery: WaitingDelivery) -> String? {
    guard case .bytes(let bytes) = delivery.payload.content else { return nil }
    return HL7Header(bytes)?.controlID
  }
}
