internal import NIOCore

/// What a proxy does to the bytes of one direction.
package enum ProxyFault: Sendable, Hashable {
  case none
  /// RST to both sides after so many bytes were passed on; 0 resets before the first.
  case reset(afterBytes: Int)
  /// So many bytes are passed on, then FIN; the other direction goes on.
  case halfClose(afterBytes: Int)
  case slow(bytesPerSecond: Int)
  /// So many bytes are passed on; the rest is taken and goes nowhere.
  case blackHole(afterBytes: Int)
  /// So many bytes are passed on; the rest is not even taken, so that the sender's writes back up.
  case stall(afterBytes: Int)
  /// One byte a write.
  case slice
  /// Everything is passed on twice, piece by piece as it was read.
  case duplicate
  /// Flips a bit in every nth byte.
  case corrupt(every: Int)
}

/// What is to be done, in order, about bytes that came.
enum ProxyAction: Equatable {
  case pass(ByteBuffer)
  case wait(Duration)
  /// FIN in this direction; what comes later is dropped.
  case finish
  case reset
  /// Nothing more is read in this direction.
  case stopReading
}

/// One direction of a proxied connection as a machine: bytes in, actions out.
struct ProxyPump {
  /// A slow direction passes on this many pieces a second.
  private static let slowPiecesPerSecond = 20

  private let fault: ProxyFault
  private var passed = 0
  private var isOver = false

  init(_ fault: ProxyFault) { self.fault = fault }

  mutating func receive(_ bytes: ByteBuffer) -> [ProxyAction] {
    guard !isOver, bytes.readableBytes > 0 else { return [] }
    switch fault {
    case .none: return [.pass(bytes)]
    case .reset(let limit): return passing(bytes, upTo: limit, then: [.reset])
    case .halfClose(let limit): return passing(bytes, upTo: limit, then: [.finish])
    case .blackHole(let limit): return passing(bytes, upTo: limit, then: [])
    case .stall(let limit): return passing(bytes, upTo: limit, then: [.stopReading])
    case .duplicate: return [.pass(bytes), .pass(bytes)]
    case .slice: return pieces(of: bytes, size: 1).map { .pass($0) }
    case .slow(let rate):
      let size = max(1, rate / Self.slowPiecesPerSecond)
      let pause = Duration.nanoseconds(1_000_000_000 * Int64(size) / Int64(max(1, rate)))
      return pieces(of: bytes, size: size).flatMap { [.wait(pause), .pass($0)] }
    case .corrupt(let every): return [.pass(corrupted(bytes, every: max(1, every)))]
    }
  }

  private mutating func passing(_ bytes: ByteBuffer, upTo limit: Int, then last: [ProxyAction]) -> [ProxyAction] {
    let room = max(0, limit - passed)
    passed += min(room, bytes.readableBytes)
    if bytes.readableBytes < room { return [.pass(bytes)] }
    isOver = true
    guard room > 0, let head = bytes.getSlice(at: bytes.readerIndex, length: room) else { return last }
    return [.pass(head)] + last
  }

  private func pieces(of bytes: ByteBuffer, size: Int) -> [ByteBuffer] {
    var rest = bytes
    var pieces: [ByteBuffer] = []
    while rest.readableBytes > 0, let piece = rest.readSlice(length: min(size, rest.readableBytes)) {
      pieces.append(piece)
    }
    return pieces
  }

  private mutating func corrupted(_ bytes: ByteBuffer, every: Int) -> ByteBuffer {
    var changed = Array(bytes.readableBytesView)
    for index in changed.indices {
      passed += 1
      if passed % every == 0 { changed[index] ^= 0x01 }
    }
    return ByteBuffer(bytes: changed)
  }
}
