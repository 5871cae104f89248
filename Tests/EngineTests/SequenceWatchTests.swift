import Store
import Testing

@testable import Engine

/// Sequence numbers (MSH-13) that are not the next.
@Suite struct SequenceWatchTests {
  private func texts(_ numbers: [Int], of watch: SequenceWatch = SequenceWatch(), sender: String = "PAS|H") -> [String]
  {
    numbers.compactMap { watch.note(SequenceNumber(sender: sender, $0))?.text }
  }

  @Test func `a gap, a repeat and a reset are flagged and counted`() {
    let watch = SequenceWatch()
    #expect(
      texts([4, 5, 9, 10, 10, 11, 0, 1, 2], of: watch) == [
        "sequence-gap: MSH-13 is 9 after 5", "sequence-repeat: MSH-13 is 10 again",
        "sequence-reset: MSH-13 is 0 after 11",
      ])
    #expect(
      watch.status == SequenceStatus(gaps: 1, repeats: 1, resets: 1, last: "sequence-reset: MSH-13 is 0 after 11"))
  }

  @Test func `who never counts up by one is held to nothing`() {
    let watch = SequenceWatch()
    #expect(texts([1, 1, 1, 7, 3, 1], of: watch) == [] && watch.status == nil)
    #expect(texts([Int.max, Int.max, 0, -1], of: watch) == [])
  }

  @Test func `each sender has its own numbers, and what was not stored is not held against what comes again`() {
    let watch = SequenceWatch()
    #expect(texts([1, 2], of: watch) == [] && texts([50, 51], of: watch, sender: "LAB|H") == [])
    #expect(texts([3], of: watch) == [] && texts([52], of: watch, sender: "LAB|H") == [])
    watch.forget(SequenceNumber(sender: "PAS|H", 3))
    #expect(texts([3, 4, 6], of: watch) == ["sequence-gap: MSH-13 is 6 after 4"])
    for index in 0...SequenceWatch.sendersMax { _ = watch.note(SequenceNumber(sender: "\(index)", 1)) }
    #expect(texts([60], of: watch, sender: "LAB|H") == [])
  }
}
