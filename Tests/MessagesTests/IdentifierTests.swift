import Messages
import Testing

@Suite struct IdentifierTests {
  @Test func `the text form reads back as the same identifier`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<1000 {
      let id = Identifier(high: random.next() >> 1, low: random.next())
      #expect(Identifier(id.description) == id)
      #expect(Identifier(id.description.uppercased()) == id)
      #expect(Identifier(bytes: id.bytes) == id)
    }
  }

  @Test func `what is no identifier is not read as one`() {
    #expect(Identifier("") == nil)
    #expect(Identifier("0123456789abcdefghjkmnpqr") == nil)
    #expect(Identifier("0123456789abcdefghjkmnpqrsu"[...]) == nil)
    #expect(Identifier("i1234567890000000000000000") == nil)
    #expect(Identifier("zzzzzzzzzzzzzzzzzzzzzzzzzz") == nil)
    #expect(Identifier(bytes: [1, 2, 3]) == nil)
  }

  @Test func `minted identifiers grow and sort as their text does`() {
    var mint = IdentifierMint()
    var ids: [Identifier] = []
    for tick in [1000, 1000, 900, 1001, 2_000_000_000_000] as [Int64] {
      for low in 0..<100 { ids.append(mint.next(milliseconds: tick, random: UInt64(low))) }
    }
    #expect(ids == ids.sorted())
    #expect(ids.map(\.description) == ids.map(\.description).sorted())
    #expect(Set(ids.map(\.high)).count == ids.count)
    #expect(ids.last?.milliseconds == 2_000_000_000_000)
  }

  @Test func `a mint goes on above what exists already, even when the clock was set back`() {
    var first = IdentifierMint()
    let old = first.next(milliseconds: 5000, random: 0)
    var second = IdentifierMint(after: old.high)
    #expect(second.next(milliseconds: 10, random: 0) > old)
  }
}
