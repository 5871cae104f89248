import HL7
import Testing

@Suite struct MLLPFramingTests {
  private typealias Action = MLLPFraming.Action
  private let vt: [UInt8] = [0x0B]
  private let end: [UInt8] = [0x1C, 0x0D]

  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// What a whole stream gives, the end included.
  private func run(
    _ stream: [UInt8], _ options: MLLPFraming.Options = .init(), cut: (Int) -> Int = { $0 }
  ) -> [Action] {
    var framing = MLLPFraming(options)
    var actions: [Action] = []
    var index = 0
    while index < stream.count {
      let next = min(stream.count, index + max(1, cut(stream.count - index)))
      actions += framing.receive(stream[index..<next])
      index = next
    }
    return actions + framing.finish()
  }

  private var streams: [(name: String, stream: [UInt8], actions: [Action])] {
    let a = bytes("MSH|^~\\&|A\r")
    let b = bytes("MSH|^~\\&|B\rPID|1\r")
    return [
      ("one frame", vt + a + end, [.frame(a)]),
      ("two frames in one write", vt + a + end + vt + b + end, [.frame(a), .frame(b)]),
      ("nothing", [], []),
      ("an empty frame", vt + end, [.frame([])]),
      (
        "NULs and line ends between frames", [0, 0] + vt + a + end + [0x0D, 0x0A] + vt + b + end + [0x0A],
        [.junk(byteCount: 2), .frame(a), .junk(byteCount: 2), .frame(b), .junk(byteCount: 1)]
      ),
      ("half a frame", vt + a, [.partial(byteCount: a.count)]),
      ("a frame without its CR", vt + a + [0x1C], [.partial(byteCount: a.count)]),
      ("no VT", a + end, [.junk(byteCount: a.count), .violation(.endWithoutStart)]),
      ("no CR after FS", vt + a + [0x1C] + vt + b + end, [.violation(.endWithoutReturn)]),
      ("FS within a frame", vt + bytes("a") + [0x1C] + bytes("b") + end, [.violation(.endWithoutReturn)]),
      ("VT within a frame", vt + bytes("a") + vt + b + end, [.violation(.startInsideFrame)]),
      ("two VT", vt + vt + b + end, [.violation(.startInsideFrame)]),
      ("HTTP", bytes("GET / HTTP/1.1\r\n\r\n"), [.junk(byteCount: 3), .violation(.http)]),
      ("an HTTP POST", bytes("POST /x"), [.junk(byteCount: 3), .violation(.http)]),
      ("TLS", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01], [.junk(byteCount: 1), .violation(.tls)]),
      ("DICOM", [0x01, 0x00, 0x00, 0x00, 0x00, 0xCD], [.junk(byteCount: 1), .violation(.dicom)]),
    ]
  }

  @Test func `a stream gives the same however it is cut`() {
    for (name, stream, actions) in streams {
      #expect(run(stream) == actions, "\(name), whole")
      #expect(run(stream, cut: { _ in 1 }) == actions, "\(name), byte by byte")
      for first in 1..<max(2, stream.count) {
        var pieces = [first]
        #expect(run(stream, cut: { pieces.popLast() ?? $0 }) == actions, "\(name), cut after \(first)")
      }
    }
  }

  @Test func `a random stream gives the same however it is cut`() {
    let seed = UInt64.random(in: 0..<1 << 40)
    var generator = SeededGenerator(seed: seed)
    let alphabet: [UInt8] = [0x0B, 0x0B, 0x1C, 0x0D, 0x0D, 0x41, 0x42, 0x00, 0x0A, 0xFF]
    for _ in 0..<2_000 {
      let stream = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
      }
      let options = MLLPFraming.Options(
        frameBytesMax: 6, returnRequired: Bool.random(using: &generator), junkBytesMax: 9)
      let whole = run(stream, options)
      #expect(run(stream, options, cut: { _ in 1 }) == whole, "seed \(seed)")
      #expect(run(stream, options, cut: { Int.random(in: 1...$0, using: &generator) }) == whole, "seed \(seed)")
    }
  }

  @Test func `where CR is not required a frame is given out at its FS`() {
    let tolerant = MLLPFraming.Options(returnRequired: false)
    var framing = MLLPFraming(tolerant)
    #expect(framing.receive(vt + bytes("a") + [0x1C]) == [.frame(bytes("a"))])
    #expect(
      framing.receive([0x0D] + vt + bytes("b") + [0x1C] + vt + bytes("c") + end)
        == [.frame(bytes("b")), .frame(bytes("c"))])
    #expect(framing.finish().isEmpty)
  }

  @Test func `a frame may be as long as the limit and no longer`() {
    let options = MLLPFraming.Options(frameBytesMax: 10)
    let ten = bytes("0123456789")
    #expect(run(vt + ten + end, options) == [.frame(ten)])
    #expect(run(vt + ten + bytes("x") + end, options) == [.oversize(head: ten + bytes("x"))])
  }

  @Test func `a stream without end is refused at the cap with its first bytes and holds no more`() {
    var framing = MLLPFraming(MLLPFraming.Options(frameBytesMax: 100_000))
    let header = bytes("MSH|^~\\&|A|B|C|D|2026||ADT^A01|4711|P|2.5\rOBX|")
    var actions = framing.receive(vt + header)
    let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 16_384)
    var fed = header.count
    while actions.isEmpty, fed < 1_000_000 {
      actions = framing.receive(chunk)
      fed += chunk.count
    }
    #expect(fed <= 100_000 + 2 * chunk.count)
    guard case .oversize(let head) = actions.first else {
      Issue.record("no refusal after \(fed) bytes")
      return
    }
    #expect(head.count == MLLPFraming.headBytesMax)
    #expect(HL7Header(head)?.controlID == "4711")
    #expect(framing.isClosed)
    #expect(framing.receive(vt + bytes("x") + end).isEmpty)
    #expect(framing.finish().isEmpty)
  }

  @Test func `junk between frames is bounded`() {
    let options = MLLPFraming.Options(junkBytesMax: 4)
    #expect(run([0, 0, 0, 0] + vt + end, options) == [.junk(byteCount: 4), .frame([])])
    #expect(run([0, 0, 0, 0, 0], options) == [.junk(byteCount: 5), .violation(.junk(byteCountMax: 4))])
  }

  @Test func `other protocols are looked for only at the start of the stream`() {
    let a = bytes("a")
    let stream = vt + a + end + bytes("GET ") + vt + a + end
    #expect(run(stream) == [.frame(a), .junk(byteCount: 4), .frame(a)])
    #expect(run(vt + [0x16, 0x03] + end) == [.frame([0x16, 0x03])])
  }

  @Test func `whether a frame is open can be seen`() {
    var framing = MLLPFraming()
    #expect(!framing.isInsideFrame)
    _ = framing.receive(vt)
    #expect(framing.isInsideFrame)
    _ = framing.receive(bytes("a") + [0x1C])
    #expect(framing.isInsideFrame)
    #expect(framing.receive([0x0D]) == [.frame(bytes("a"))])
    #expect(!framing.isInsideFrame)
  }

  @Test func `a message is framed and comes back, and what would break the frame is refused`() throws {
    let message = segments(adt)
    #expect(run(try MLLPFraming.frame(message)) == [.frame(message)])
    for byte: UInt8 in [0x0B, 0x1C] {
      let error = #expect(throws: MLLPFraming.EncodingError.self) { try MLLPFraming.frame([0x41, byte]) }
      #expect(error?.offset == 1)
    }
  }
}
