internal import HL7

/// Messages from files, as a test sender wants them.
package enum MessageFiles {
  /// Reads files. One may hold several messages, with or without batch envelopes, and its lines may end with CR, LF or
  /// both: what is sent has CR. A file that isn't HL7 is one message as it stands, for trying what an engine makes of
  /// it.
  /// - Parameter asTheyAre: each file is one message, byte for byte.
  package static func read(_ paths: [String], asTheyAre: Bool = false) throws -> [[UInt8]] {
    try paths.flatMap { path in
      let bytes = try FileBytes.read(path)
      return asTheyAre ? [bytes] : messages(in: bytes)
    }
  }

  static func messages(in bytes: [UInt8]) -> [[UInt8]] {
    var options = HL7ReadingOptions()
    options.segmentEnd = .any
    guard let batch = try? HL7Batch(bytes, options), !batch.messages.isEmpty else { return [bytes] }
    return batch.messages.map { withReturns(bytes[$0]) }
  }

  /// CR where a line ended with LF or CR LF.
  private static func withReturns(_ message: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(message.count)
    var isAfterReturn = false
    for byte in message {
      if byte == 0x0A {
        if !isAfterReturn { result.append(0x0D) }
      } else {
        result.append(byte)
      }
      isAfterReturn = byte == 0x0D
    }
    return result
  }
}
