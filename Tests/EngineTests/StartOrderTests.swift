import Messages
import Testing

@testable import Engine

@Suite struct StartOrderTests {
  private func levels(_ channels: [(String, [String])]) -> [[String]] {
    StartOrder.levels(channels.map { (ChannelName($0.0), $0.1.map { ChannelName($0) }) }).map { $0.map(\.text) }
  }

  @Test func `what others depend on starts before them, and all that may start at once does`() {
    #expect(levels([("a", []), ("b", [])]) == [["a", "b"]])
    #expect(levels([("a", ["c"]), ("b", []), ("c", ["d"]), ("d", [])]) == [["b", "d"], ["c"], ["a"]])
    #expect(levels([]) == [])
  }

  @Test func `what isn't there holds nobody up, and a circle comes last`() {
    #expect(levels([("a", ["gone"]), ("b", ["a"])]) == [["a"], ["b"]])
    #expect(levels([("a", ["b"]), ("b", ["a"]), ("c", [])]) == [["c"], ["a", "b"]])
  }
}
