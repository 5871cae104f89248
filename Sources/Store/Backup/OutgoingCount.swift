/// What would go out of a lane. Times are milliseconds since 1970.
package struct OutgoingCount: Sendable, Equatable {
  package var waiting = 0
  /// The partner may have had so many of them before.
  package var possiblySent = 0
  package var oldestAt: Int64 = 0
  package var newestAt: Int64 = 0
}

extension SQLiteStore {
  package func outgoing() async throws(StoreError) -> [Int64: OutgoingCount] {
    try await read { reading in
      let rows = try reading.connection.statement(
        """
        SELECT lane, count(*), sum(possibly_sent), min(created_at), max(created_at)
        FROM delivery INDEXED BY waiting WHERE state = 0 AND held = 0 GROUP BY lane
        """)
      defer { rows.reset() }
      var counts: [Int64: OutgoingCount] = [:]
      while try rows.step() {
        counts[rows.integer(0)] = OutgoingCount(
          waiting: rows.int(1), possiblySent: rows.int(2), oldestAt: rows.integer(3), newestAt: rows.integer(4))
      }
      return counts
    }
  }
}
