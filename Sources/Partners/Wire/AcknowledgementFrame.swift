internal import NIOCore

/// Acknowledgements as a test partner writes them: MSH and MSA, nothing more.
enum AcknowledgementFrame {
  private static let head = Array("\u{0B}MSH|^~\\&|PARTNER|PARTNER|HILUM|HUB|20260101000000||ACK|".utf8)
  private static let middle = Array("|P|2.5.1\rMSA|AA|".utf8)
  private static let tail: [UInt8] = [0x0D, FrameScan.end, FrameScan.carriageReturn]

  /// AA for a message whose control id stands at `id`; the answer's own control id is the same. Nothing is decoded.
  static func accepting(_ id: Range<Int>, of message: ByteBuffer, allocator: ByteBufferAllocator) -> ByteBuffer {
    var frame = allocator.buffer(capacity: head.count + middle.count + tail.count + 2 * id.count)
    let place = message.readerIndex + id.lowerBound
    guard let controlID = message.getSlice(at: place, length: id.count) else { return frame }
    frame.writeBytes(head)
    frame.writeImmutableBuffer(controlID)
    frame.writeBytes(middle)
    frame.writeImmutableBuffer(controlID)
    frame.writeBytes(tail)
    return frame
  }

  /// Any answer, as text.
  static func frame(_ code: String, controlID: String, number: Int) -> [UInt8] {
    let message =
      "MSH|^~\\&|PARTNER|PARTNER|HILUM|HUB|20260101000000||ACK|P\(number)|P|2.5.1\rMSA|\(code)|\(controlID)\r"
    return FrameScan.frame(Array(message.utf8))
  }

  /// An application acknowledgement as a message of its own, that wants to hear that it is accepted (MSH-15).
  static func message(_ code: String, controlID: String, number: Int) -> [UInt8] {
    Array(
      ("MSH|^~\\&|PARTNER|PARTNER|HILUM|HUB|20260101000000||ACK|Q\(number)|P|2.5.1|||AL|NE\r"
        + "MSA|\(code)|\(controlID)\r").utf8)
  }
}
