import ConnectorKit
import Messages

/// Names that an author gives: of channels, destinations and columns.
enum Names {
  static let lengthMax = 64

  /// Small letters, digits and `-`, beginning with a letter or digit: such a name is the same in a path, a URL and a
  /// command.
  @discardableResult
  static func check(_ name: String, _ what: String, at place: Place, _ reader: SettingReader) -> Bool {
    let isWhole = name.utf8.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
    guard isWhole, let first = name.utf8.first, isLetterOrDigit(first), name.utf8.count <= lengthMax else {
      let suggestion = suggested(name)
      reader.problem(
        "C124", "the name of \(what) is made of small letters, digits and `-`",
        at: place, label: suggestion.map { "`\($0)`?" },
        help: ["it begins with a letter or digit and has at most \(lengthMax)"])
      return false
    }
    return true
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
  }

  /// The name in the allowed letters, where enough is left of it.
  private static func suggested(_ name: String) -> String? {
    var bytes: [UInt8] = []
    for byte in name.lowercased().utf8.prefix(lengthMax) {
      if isLetterOrDigit(byte) {
        bytes.append(byte)
      } else if let last = bytes.last, last != UInt8(ascii: "-") {
        bytes.append(UInt8(ascii: "-"))
      }
    }
    while bytes.last == UInt8(ascii: "-") { bytes.removeLast() }
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }
}
