import Glibc

/// Converts whole bytes between two sets through the C library, which knows them by these names.
///
/// An iconv descriptor must not be used by two threads at once, so each call opens its own; these sets are rare.
private func converted(
  _ bytes: ArraySlice<UInt8>, from source: String, to target: String
) throws(IconvFailure) -> [UInt8] {
  let descriptor = iconv_open(target, source)
  guard descriptor != iconv_t(bitPattern: -1), let descriptor else { throw IconvFailure(offset: nil) }
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
  guard result == 0, inputLeft == 0 else { throw IconvFailure(offset: bytes.count - inputLeft) }
  return output.prefix(output.count - outputLeft).map { UInt8(bitPattern: $0) }
}

private struct IconvFailure: Error {
  /// How many bytes could be converted; `nil`: this system doesn't know the sets.
  var offset: Int?
}

extension Charset {
  /// Converts whole bytes between this set and UTF-8.
  func iconv(_ bytes: ArraySlice<UInt8>, toUTF8: Bool) throws(CharsetError) -> [UInt8] {
    let (target, source) = toUTF8 ? ("UTF-8", name) : (name, "UTF-8")
    do throws(IconvFailure) {
      return try converted(bytes, from: source, to: target)
    } catch {
      guard let offset = error.offset else { throw CharsetError(kind: .unsupported, charset: self, offset: 0) }
      if toUTF8 { throw CharsetError(kind: .undecodable, charset: self, offset: offset) }
      let position = bytes.prefix(offset).count { $0 & 0xC0 != 0x80 }
      throw CharsetError(kind: .unencodable, charset: self, offset: position)
    }
  }
}

/// Sets of several bytes a character in which a byte below 0x80 may be half of one, or that are one of several in a
/// text. They are no `Charset`: a message with delimiters can't be in one of them.
package enum MultibyteCharset: String, Sendable, Hashable, CaseIterable {
  case gb18030 = "GB18030"
  case gbk = "GBK"
  /// GB 2312, each byte with its highest bit set.
  case gb2312 = "EUC-CN"
  /// KS X 1001, each byte with its highest bit set.
  case ksx1001 = "EUC-KR"
  /// JIS X 0208, each byte with its highest bit set; JIS X 0212 behind a byte 0x8F.
  case jis = "EUC-JP"

  /// `nil` where the bytes aren't of the set.
  package func decode(_ bytes: ArraySlice<UInt8>) -> String? {
    (try? converted(bytes, from: rawValue, to: "UTF-8")).map { String(decoding: $0, as: UTF8.self) }
  }

  /// `nil` where the set lacks a character.
  package func encode(_ text: String) -> [UInt8]? {
    try? converted(Array(text.utf8)[...], from: "UTF-8", to: rawValue)
  }
}
