import Testing

@testable import Store

@Suite struct UnitQueueTests {
  /// Such a unit would never be answered. Whoever pushes meets the closing in some of the rounds.
  @Test func `Nothing is taken behind the unit that closes the queue`() async {
    for _ in 0..<100 {
      let queue = UnitQueue(settings: testSettings())
      let pushing = Task.detached {
        var count = 0
        while queue.push(.task(.barrier {})) { count += 1 }
        return count
      }
      while !hasUnit(queue) { await Task.yield() }
      #expect(queue.close(.task(.close(orderly: true) {})))
      #expect(!queue.close(.task(.close(orderly: true) {})))
      _ = await pushing.value
      var isClosed = false
      while case .task(let task)? = queue.next(deadline: 0, arrivalsMax: 1).first {
        #expect(!isClosed)
        if case .close = task { isClosed = true }
      }
      #expect(isClosed)
    }
  }

  private func hasUnit(_ queue: UnitQueue) -> Bool { !queue.next(deadline: 0, arrivalsMax: 1).isEmpty }
}
