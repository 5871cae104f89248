import NIOCore
import Testing

@testable import Partners

@Suite struct `A proxy's pump` {
  private func actions(_ fault: ProxyFault, _ chunks: String...) -> [ProxyAction] {
    var pump = ProxyPump(fault)
    return chunks.flatMap { pump.receive(ByteBuffer(string: $0)) }
  }
  private func pass(_ text: String) -> ProxyAction { .pass(ByteBuffer(string: text)) }

  @Test func `without a fault passes everything on`() {
    #expect(actions(.none, "ab", "c") == [pass("ab"), pass("c")])
  }

  @Test func `resets after so many bytes, wherever the chunks end`() {
    #expect(actions(.reset(afterBytes: 3), "ab", "cd", "e") == [pass("ab"), pass("c"), .reset])
    #expect(actions(.reset(afterBytes: 2), "ab", "cd") == [pass("ab"), .reset])
    #expect(actions(.reset(afterBytes: 0), "ab") == [.reset])
  }

  @Test func `ends, swallows or stalls after so many bytes`() {
    #expect(actions(.halfClose(afterBytes: 1), "ab", "c") == [pass("a"), .finish])
    #expect(actions(.blackHole(afterBytes: 1), "ab", "c") == [pass("a")])
    #expect(actions(.stall(afterBytes: 1), "ab", "c") == [pass("a"), .stopReading])
  }

  @Test func `slices, doubles and flips`() {
    #expect(actions(.slice, "abc") == [pass("a"), pass("b"), pass("c")])
    #expect(actions(.duplicate, "ab") == [pass("ab"), pass("ab")])
    #expect(actions(.corrupt(every: 3), "@@", "@@@@") == [pass("@@"), pass("A@@A")])
  }

  @Test func `slowed to 200 bytes a second waits a twentieth of a second for each ten`() {
    let pause = ProxyAction.wait(.milliseconds(50))
    #expect(
      actions(.slow(bytesPerSecond: 200), "0123456789abcde") == [pause, pass("0123456789"), pause, pass("abcde")])
  }
}
