import Glibc
import NIOCore

/// Cuts MLLP frames (`VT content FS CR`) out of a stream of bytes: the least that a partner needs.
///
/// What stands between frames is skipped. It is not the engine's framing: that one is strict and says what is wrong.
struct FrameScan {
  static let start: UInt8 = 0x0B
  static let end: UInt8 = 0x1C
  static let carriageReturn: UInt8 = 0x0D
  /// A frame longer than this is not kept: the connection that sends it is closed.
  static let frameBytesMax = 64 << 20

  private var pending = ByteBuffer()
  /// How many readable bytes of `pending` are known to hold no end.
  private var searched = 0

  /// Takes bytes as they were read. Where nothing is pending, they are taken without a copy.
  mutating func feed(_ bytes: ByteBuffer) {
    if pending.readableBytes == 0 {
      pending = bytes
      searched = 0
    } else {
      pending.writeImmutableBuffer(bytes)
    }
  }

  /// Whether what waits for its end is longer than a frame may be.
  var isOverlong: Bool { pending.readableBytes > Self.frameBytesMax }

  /// The content of the next whole frame, or `nil` until more bytes have come.
  mutating func next() -> ByteBuffer? {
    while true {
      guard let end = offset(of: Self.end, from: searched) else {
        searched = pending.readableBytes
        return nil
      }
      // FS that no CR follows is content (or its CR has not come yet).
      guard end + 1 < pending.readableBytes else {
        searched = end
        return nil
      }
      guard pending.getInteger(at: pending.readerIndex + end + 1, as: UInt8.self) == Self.carriageReturn else {
        searched = end + 1
        continue
      }
      searched = 0
      let start = offset(of: Self.start, from: 0)
      guard let start, start < end else {
        pending.moveReaderIndex(forwardBy: end + 2)
        continue
      }
      let content = pending.getSlice(at: pending.readerIndex + start + 1, length: end - start - 1)
      pending.moveReaderIndex(forwardBy: end + 2)
      if pending.readableBytes == 0 { pending = ByteBuffer() }
      return content
    }
  }

  private func offset(of byte: UInt8, from: Int) -> Int? {
    pending.withUnsafeReadableBytes { bytes in
      guard let base = bytes.baseAddress, from < bytes.count,
        let found = memchr(base + from, Int32(byte), bytes.count - from)
      else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }

  /// The frame around a message.
  static func frame(_ content: some Collection<UInt8>) -> [UInt8] {
    var frame: [UInt8] = []
    frame.reserveCapacity(content.count + 3)
    frame.append(start)
    frame.append(contentsOf: content)
    frame.append(end)
    frame.append(carriageReturn)
    return frame
  }
}
