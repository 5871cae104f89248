import ConnectorKit
package import Messages
package import Store

/// Keeps a message that crashes the engine from being run for ever.
///
/// Before a pipeline runs, the message's mark stands in a shared mapping, written with plain stores: no system call.
/// What stands there at the next start gets a strike; at two the message isn't run any more but stored raw as failed.
package final class Strikes: AnswerGuard {
  private let board: StrikeBoard

  package init(_ board: StrikeBoard) { self.board = board }

  func guarding(_ payload: Payload, _ run: () -> Decided) -> Decided {
    let mark = Self.mark(payload)
    if board.strikes(for: mark) >= 2 { return .failed("it crashed the engine twice and was not run again") }
    let slot = board.begin(mark)
    defer { board.end(slot) }
    if case .bytes(let bytes) = payload.content { Trap.inPipeline(bytes) }
    return run()
  }

  /// Reads a message that may be an answer; `nil` where that crashed the engine twice, which its pipeline then says.
  func reading<Answer>(_ payload: Payload, _ read: () -> Answer?) -> Answer? {
    let mark = Self.mark(payload)
    if board.strikes(for: mark) >= 2 { return nil }
    let slot = board.begin(mark)
    defer { board.end(slot) }
    return read()
  }

  package func reading<Answer>(answerTo delivery: DeliveryID, _ read: () -> Answer) -> Answer {
    let slot = board.begin(delivery.high)
    defer { board.end(slot) }
    Trap.inAnswer()
    return read()
  }

  /// The answers to this delivery crashed the engine twice.
  func isStruck(_ delivery: DeliveryID) -> Bool { board.strikes(for: delivery.high) >= 2 }

  /// A person wants it tried once more.
  func pardon(_ payload: Payload) {
    board.forget(Self.mark(payload))
  }

  /// The same for the same content in every process.
  private static func mark(_ payload: Payload) -> UInt64 {
    switch payload.content {
    case .bytes(let bytes): mark(bytes)
    case .blob(let blob): mark(blob.sha256)
    case .patched(let patched): mark(patched.source.sha256)
    }
  }

  /// The same for the same bytes in every process (FNV-1a, eight bytes at a time).
  static func mark(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { buffer in
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      var offset = 0
      while offset + 8 <= buffer.count {
        hash = (hash ^ buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x0000_0100_0000_01B3
        hash ^= hash >> 29
        offset += 8
      }
      while offset < buffer.count {
        hash = (hash ^ UInt64(buffer[offset])) &* 0x0000_0100_0000_01B3
        offset += 1
      }
      return hash == 0 ? 1 : hash
    }
  }
}
