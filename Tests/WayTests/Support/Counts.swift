import Store

extension ChannelLedger {
  /// What is not nothing among the arrivals.
  var arrivals: [String: Int] {
    let all = [
      "received": received, "accepted": accepted, "duplicate": duplicate, "rejected": rejected,
      "unavailable": unavailable, "routed": routed,
      "dropped": dropped, "held": held, "failed": failed, "discarded": discarded,
    ]
    return all.filter { $0.value != 0 }
  }
}

extension ChannelLedger.Lane {
  /// What is not nothing among the deliveries.
  var deliveries: [String: Int] {
    let all = [
      "created": created, "delivered": delivered, "waiting": waiting, "dead": dead, "discarded": discarded,
      "cancelled": cancelled, "held": held, "places": places,
    ]
    return all.filter { $0.value != 0 }
  }
}
