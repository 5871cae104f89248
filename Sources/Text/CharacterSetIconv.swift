import Glibc

extension Charset {
  /// Converts whole bytes between this set and UTF-8 through the C library.
  ///
  /// An iconv descriptor must not be used by two threads at once, so each call opens its own; these sets are rare.
  func iconv(_ bytes: ArraySlice<UInt8>, toUTF8: Bool) throws(CharsetError) -> [UInt8] {
    let (target, source) = toUTF8 ? ("UTF-8", name) : (name, "UTF-8")
    let descriptor = iconv_open(target, source)
    guard descriptor != iconv_t(bitPattern: -1), let descriptor else {
      throw CharsetError(kind: .unsupported, charset: self, offset: 0)
    }
    defer { iconv_close(descriptor) }
    var input = bytes.map { CChar(bitPattern: $0) }
    // No character of these sets grows beyond three times its bytes, in either direction.
    var output = [CChar](repeating: 0, count: bytes.count * 3 + 16)
    var inputLeft = input.count
    var outputLeft = output.count
    let result = input.withUnsafeMutableBufferPointer { inputBuffer in
      output.withUnsafeMutableBufferPointer { outputBuffer in
        var from = inputBuffer.baseAddress
        var to = outputBuffer.baseAddress
        return Glibc.iconv(descriptor, &from, &inputLeft, &to, &outputLeft)
      }
    }
    // A positive result counts characters that were replaced by a look-alike: not the same text, so an error as well.
    guard result == 0, inputLeft == 0 else {
      let offset = bytes.count - inputLeft
      if toUTF8 { throw CharsetError(kind: .undecodable, charset: self, offset: offset) }
      let position = bytes.prefix(offset).count { $0 & 0xC0 != 0x80 }
      throw CharsetError(kind: .unencodable, charset: self, offset: position)
    }
    return output.prefix(output.count - outputLeft).map { UInt8(bitPattern: $0) }
  }
}
