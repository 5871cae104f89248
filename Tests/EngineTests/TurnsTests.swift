import Synchronization
import Testing

@testable import Engine

@Suite struct TurnsTests {
  @Test func `a turn begins when the one before has ended, also where that failed`() async throws {
    struct Failed: Error {}
    let turns = Turns()
    let journal = Journal()
    let (gate, open) = AsyncStream<Void>.makeStream()
    let first = Task {
      try await turns.take {
        journal.note("first begins")
        for await _ in gate {}
        journal.note("first ends")
        throw Failed()
      }
    }
    await journal.wait(for: "first begins")
    let second = Task { try await turns.take { journal.note("second") } }
    open.finish()
    await #expect(throws: Failed.self) { try await first.value }
    try await second.value
    #expect(journal.lines == ["first begins", "first ends", "second"])
  }
}
