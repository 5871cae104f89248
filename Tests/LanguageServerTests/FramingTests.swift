import LanguageServer
import Testing

@Suite struct FramingTests {
  static let two = Array("Content-Length: 2\r\n\r\n{}content-length:4\r\nContent-Type: x\r\n\r\nnull".utf8)

  @Test func `frames are found however the bytes come`() {
    for size in [1, 2, 3, 7, 200] {
      var framing = MessageFraming()
      var events: [MessageFraming.Event] = []
      var rest = Self.two[...]
      while !rest.isEmpty {
        events += framing.receive(rest.prefix(size))
        rest = rest.dropFirst(size)
      }
      #expect(events == [.message(Array("{}".utf8)), .message(Array("null".utf8))], "\(size)")
    }
  }

  @Test func `what is no frame is passed over, and the next one is read`() {
    for bad in [
      "Content-Length: x\r\n\r\n", "Content-Length: -3\r\n\r\n", "Hello\n\n", "Content-Length: 99999999999\r\n\r\n",
    ] {
      var framing = MessageFraming()
      let events = framing.receive(Array(bad.utf8))
      guard case .violation = events.first, events.count == 1 else {
        Issue.record("\(bad) gave \(events)")
        continue
      }
      if bad.contains("999") { continue }
      #expect(framing.receive(Self.two).count == 2, "\(bad)")
    }
  }

  @Test func `a message that is too large is passed over unread`() {
    var framing = MessageFraming()
    let length = MessageFraming.messageBytesMax + 1
    let first = framing.receive(Array("Content-Length: \(length)\r\n\r\n".utf8))
    #expect(first.count == 1)
    let chunk = [UInt8](repeating: 0x7B, count: 1 << 20)
    var left = length
    while left > 0 {
      #expect(framing.receive(chunk.prefix(left)).isEmpty)
      left -= min(left, chunk.count)
    }
    #expect(framing.receive(Self.two).count == 2)
  }

  @Test func `bytes without end that are no header cost no memory`() {
    var framing = MessageFraming()
    var count = 0
    for _ in 0..<100 { count += framing.receive([UInt8](repeating: 0x41, count: 64 << 10)).count }
    #expect(count == 100 * (64 << 10) / MessageFraming.headerBytesMax)
  }
}
