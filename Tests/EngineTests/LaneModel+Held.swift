import Messages
import Store

@testable import Engine

extension ModelStore {
  /// What a person wants changed under a lane that lets go.
  enum Wish {
    case cancel(Set<DeliveryID>?)
    case release(Set<DeliveryID>)
    case discard(Set<DeliveryID>)
    case fill(Int64)

    func unit(except underWay: Set<DeliveryID>) -> Unit {
      switch self {
      case .cancel(let ids): .cancel(ids, except: underWay)
      case .release(let ids): .release(ids)
      case .discard(let ids): .discard(ids)
      case .fill(let sequence): .fill(sequence)
      }
    }
  }

  /// What is held, of one kind.
  func held(_ kind: WaitingDelivery.Held.Kind) -> [Int64] {
    waiting.filter { row($0).delivery.held?.kind == kind }
  }

  /// Asked in the order of the lane: whether a delivery is held, or stands behind one that is.
  func standsBehindHeld(_ order: KeyOrder.Rule?) -> (Int64) -> Bool {
    var keys: Set<UInt64> = []
    var isBehindAll = false
    var isAny = false
    return { [self] sequence in
      let delivery = row(sequence).delivery
      let stands: Bool
      switch order {
      case nil: stands = isAny
      case .keys:
        stands = isBehindAll || !keys.isDisjoint(with: delivery.orderKeys) || delivery.orderKeys.isEmpty && isAny
      case KeyOrder.Rule.none?: stands = false
      }
      guard stands || delivery.held != nil else { return false }
      isAny = true
      keys.formUnion(delivery.orderKeys)
      if delivery.orderKeys.isEmpty { isBehindAll = true }
      return true
    }
  }
}
