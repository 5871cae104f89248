import Glibc

/// Shell patterns on names of files.
enum NamePattern {
  /// `*`, `?` and `[…]` on the bytes of a name. A leading dot is only met by a dot that is written.
  static func matches(_ pattern: String, _ name: FileName) -> Bool {
    pattern == "*" ? name.bytes.first != UInt8(ascii: ".") : fnmatch(pattern, name.terminated, FNM_PERIOD) == 0
  }
}
