internal import CZlib

/// Undoes the compression of the deflated transfer syntax (RFC 1951, without a zlib header), piece by piece, and stops
/// early at what was made to grow.
final class DICOMInflater {
  private let stream: UnsafeMutablePointer<z_stream>
  private let limits: DICOMLimits
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)
  private var bytesIn = 0
  private(set) var bytesOut = 0
  /// The end of what is compressed came; what follows is no part of it.
  private(set) var isAtEnd = false

  init(limits: DICOMLimits) throws(DICOMError) {
    self.limits = limits
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard inflateInit2_(stream, -MAX_WBITS, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw DICOMError(.cannot("zlib can't begin"), offset: 0, path: "")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  /// - Parameter give: takes what comes out, at most 64 KiB at once.
  /// - Returns: how many bytes stand behind the end.
  func receive(
    _ bytes: UnsafeBufferPointer<UInt8>, _ give: (ArraySlice<UInt8>) throws(DICOMError) -> Void
  ) throws(DICOMError) -> Int {
    guard !isAtEnd, let start = bytes.baseAddress, !bytes.isEmpty else { return isAtEnd ? bytes.count : 0 }
    stream.pointee.next_in = UnsafeMutablePointer(mutating: start)
    stream.pointee.avail_in = UInt32(bytes.count)
    bytesIn += bytes.count
    while !isAtEnd {
      let room = buffer.count
      stream.pointee.avail_out = UInt32(room)
      let result = buffer.withUnsafeMutableBufferPointer { output in
        stream.pointee.next_out = output.baseAddress
        return inflate(stream, Z_NO_FLUSH)
      }
      let count = room - Int(stream.pointee.avail_out)
      // Z_BUF_ERROR: it can't go on without more bytes.
      guard result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR else {
        throw DICOMError(.notDeflated, offset: bytesOut + count, path: "")
      }
      isAtEnd = result == Z_STREAM_END
      bytesOut += count
      try checkGrowth()
      if count > 0 { try give(buffer[..<count]) }
      if count < room, stream.pointee.avail_in == 0 || result == Z_BUF_ERROR { break }
    }
    return Int(stream.pointee.avail_in)
  }

  private func checkGrowth() throws(DICOMError) {
    let isTooFast = bytesOut > limits.inflatedBytesFree && bytesOut / limits.inflatedRatioMax > bytesIn
    if bytesOut > limits.inflatedBytesMax || isTooFast {
      throw DICOMError(.inflatedTooMuch(bytesMax: limits.inflatedBytesMax), offset: bytesOut, path: "")
    }
  }
}

/// Compresses a data set for the deflated transfer syntax, piece by piece.
package final class DICOMDeflater {
  private let stream: UnsafeMutablePointer<z_stream>
  private var buffer = [UInt8](repeating: 0, count: 64 << 10)
  private var bytesOut = 0

  package init() throws(DICOMError) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    let result = deflateInit2_(
      stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      CInt(MemoryLayout<z_stream>.size))
    guard result == Z_OK else { throw DICOMError(.cannot("zlib can't begin"), offset: 0, path: "") }
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// - Returns: what there is to write by now.
  package func receive(_ bytes: [UInt8]) -> [UInt8] { run(bytes, Z_NO_FLUSH) }

  /// - Returns: the rest; the length of all is even.
  package func finish() -> [UInt8] {
    var rest = run([], Z_FINISH)
    if bytesOut & 1 == 1 { rest.append(0) }
    return rest
  }

  private func run(_ bytes: [UInt8], _ flush: CInt) -> [UInt8] {
    var output: [UInt8] = []
    bytes.withUnsafeBufferPointer { input in
      stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
      stream.pointee.avail_in = UInt32(input.count)
      repeat {
        let room = buffer.count
        stream.pointee.avail_out = UInt32(room)
        buffer.withUnsafeMutableBufferPointer { buffer in
          stream.pointee.next_out = buffer.baseAddress
          _ = deflate(stream, flush)
        }
        output += buffer[..<(room - Int(stream.pointee.avail_out))]
      } while stream.pointee.avail_out == 0
    }
    bytesOut += output.count
    return output
  }
}
