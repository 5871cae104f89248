import Testing

@testable import Store

/// Rule 2: a message that crashes the engine is not run for ever.
@Suite struct StrikeBoardTests {
  @Test func `What stood on the board when the engine died has a strike, what had ended has none`() throws {
    let folder = TestFolder()
    let path = folder.path + "/strikes"
    do {
      let board = try StrikeBoard.open(path)
      _ = board.begin(11)
      board.end(board.begin(22))
      #expect(board.strikes(for: 11) == 0)
    }
    do {
      let board = try StrikeBoard.open(path)
      #expect(board.strikes(for: 11) == 1 && board.strikes(for: 22) == 0)
      _ = board.begin(11)
      _ = board.begin(33)
    }
    do {
      let board = try StrikeBoard.open(path)
      #expect(board.strikes(for: 11) == 2 && board.strikes(for: 33) == 1)
      // It ran well this time.
      board.end(board.begin(33))
      #expect(board.strikes(for: 33) == 0)
    }
    let board = try StrikeBoard.open(path)
    #expect(board.strikes(for: 11) == 2 && board.strikes(for: 33) == 0)
    board.forget(11)
    #expect(try StrikeBoard.open(path).strikes(for: 11) == 0)
  }

  @Test func `Many runs at once each have a place, and one too many is only not guarded`() throws {
    let folder = TestFolder()
    let board = try StrikeBoard.open(folder.path + "/strikes")
    let slots = (1...600).map { board.begin(UInt64($0)) }
    for slot in slots { board.end(slot) }
    let again = try StrikeBoard.open(folder.path + "/strikes")
    #expect((1...600).allSatisfy { again.strikes(for: UInt64($0)) == 0 })
  }

  @Test func `A file of something else is taken for an empty board`() throws {
    let folder = TestFolder()
    TestFolder.write([UInt8](repeating: 0x41, count: 20_000), folder.path + "/strikes")
    let board = try StrikeBoard.open(folder.path + "/strikes")
    #expect(board.strikes(for: 0x4141_4141_4141_4141) == 0)
  }
}
