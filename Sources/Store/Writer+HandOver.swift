import Messages

extension Writer {
  /// One channel's deliveries become another's message: all of them, or none.
  func handOver(_ attempts: [PreparedAttempt], _ arrival: PreparedAcceptance) throws(SQLiteFailure) -> AcceptResult {
    try gated(arrival) { () throws(SQLiteFailure) in
      for attempt in attempts { guard try waits(attempt.attempt) else { return .stale } }
      let result = try accept(arrival)
      switch result {
      case .accepted, .duplicate, .awaited: for attempt in attempts { _ = try finish(attempt) }
      // What stands behind it in a strict lane must not pass it.
      case .conflict: arrival.gate?.close()
      case .stale, .unavailable: break
      }
      return result
    }
  }

  /// Whether the delivery waits as the attempt knew it. One that another owner, or an earlier unit, has ended is not
  /// handed on once more.
  private func waits(_ attempt: Attempt) throws(SQLiteFailure) -> Bool {
    guard attempt.epoch == epoch else { return false }
    let row = statements.findDelivery
    defer { row.reset() }
    row.bind(1, attempt.delivery.key)
    row.bind(2, attempt.lane)
    row.bind(3, attempt.sequence)
    row.bind(4, Int64.max)
    return try row.step() && row.integer(0) == attempt.delivery.lowKey
  }
}
