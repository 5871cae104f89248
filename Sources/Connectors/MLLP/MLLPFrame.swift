import HL7
import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What of a frame concerns this room: where its bytes go.
enum MLLPFrame {
  /// Whether a message can stand in a frame: it holds neither VT nor FS (HL7 v2.9 appendix C.2.1).
  static func canHold(_ message: [UInt8]) -> Bool {
    message.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return true }
      return memchr(base, CInt(MLLPFraming.endBlock), bytes.count) == nil
        && memchr(base, CInt(MLLPFraming.startBlock), bytes.count) == nil
    }
  }
}

extension ByteBuffer {
  /// Appends a message with VT, FS and CR around it: the one copy on its way to the socket.
  mutating func writeFrame(_ message: [UInt8]) {
    reserveCapacity(minimumWritableBytes: message.count + 3)
    writeInteger(MLLPFraming.startBlock)
    writeBytes(message)
    writeInteger(MLLPFraming.endBlock)
    writeInteger(MLLPFraming.carriageReturn)
  }
}
