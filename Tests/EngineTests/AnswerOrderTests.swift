import ConnectorKit
import Messages
import Synchronization
import Testing

@testable import Engine

@Suite struct `Receipts leave in the order of the arrivals` {
  private final class Heard: Sendable {
    let words = Mutex<[String]>([])
    func note(_ name: String) -> @Sendable (Receipt) -> Void {
      { receipt in
        let word = if case .unavailable = receipt { "\(name) unavailable" } else { name }
        self.words.withLock { $0.append(word) }
      }
    }
    var all: [String] { words.withLock { $0 } }
  }

  private let order = AnswerOrder()
  private let heard = Heard()
  private static let taken = Receipt.accepted(MessageID(high: 1, low: 1), reply: nil)

  @Test func `whichever is known first`() {
    let numbers = ["a", "b", "c"].map { order.enter(heard.note($0)) }
    order.settle(numbers[2], Self.taken)
    order.settle(numbers[1], Self.taken)
    #expect(heard.all == [])
    order.settle(numbers[0], Self.taken)
    #expect(heard.all == ["a", "b", "c"])
    let last = order.enter(heard.note("d"))
    order.settle(numbers[0], Self.taken)
    order.settle(last, Self.taken)
    #expect(heard.all == ["a", "b", "c", "d"])
  }

  @Test func `and behind one that was not taken none is, although it is known`() {
    let numbers = ["a", "b", "c"].map { order.enter(heard.note($0)) }
    order.settle(numbers[1], Self.taken)
    order.settle(numbers[0], .unavailable(reason: "away"))
    #expect(heard.all == ["a unavailable", "b unavailable", "c unavailable"])
    order.settle(numbers[2], Self.taken)
    #expect(heard.all.count == 3)
  }

  @Test func `from many threads at once`() async {
    let numbers = (0..<500).map { order.enter(heard.note(String($0))) }
    await withTaskGroup(of: Void.self) { group in
      for number in numbers.shuffled() { group.addTask { order.settle(number, Self.taken) } }
    }
    #expect(heard.all == (0..<500).map(String.init))
  }
}
