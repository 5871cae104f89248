import Glibc

extension UnsafeRawBufferPointer {
  /// Where a byte stands from an offset on. The C library looks at many bytes at a time.
  package func offset(of byte: UInt8, from start: Int = 0) -> Int? {
    guard let base = baseAddress, start < count,
      let found = memchr(base + start, Int32(byte), count - start)
    else { return nil }
    return base.distance(to: UnsafeRawPointer(found))
  }
}
