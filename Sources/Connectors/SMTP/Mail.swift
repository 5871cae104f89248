/// One e-mail, as it goes over the wire: seven-bit lines that end with CRLF (RFC 5322).
package struct Mail: Sendable, Equatable {
  package let from: String
  package let to: [String]
  let content: [UInt8]

  /// - Parameters:
  ///   - from: addresses that were checked: nothing in them ends a line or closes a bracket.
  ///   - subject: any text; what isn't plain ASCII travels as encoded words (RFC 2047).
  ///   - text: any text; it travels in base64, so that no line of it is too long or means anything to a server.
  ///   - id: the part of the Message-ID before the `@`: the same mail has the same one each time that it is sent.
  ///   - at: seconds since 1970.
  package init(from: String, to: [String], subject: String, text: String, id: String, at: Int64) {
    self.from = from
    self.to = to
    let domain = from.split(separator: "@").last.map(String.init) ?? "localhost"
    let headers = [
      "Date: \(Self.date(at))", "From: <\(from)>", "To: \(to.map { "<\($0)>" }.joined(separator: ",\r\n "))",
      "Message-ID: <\(id.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") })@\(domain)>",
      "Subject: \(Self.unstructured(subject))", "Auto-Submitted: auto-generated", "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
    ]
    // RFC 2045 section 6.8: lines of text end with CRLF before they are encoded.
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }.joined(separator: "\r\n")
    let body = Base64.encode(Array(lines.utf8))
    let rows = stride(from: 0, to: body.count, by: 76).map { body[$0..<min($0 + 76, body.count)] + [0x0D, 0x0A] }
    content = Array(headers.map { $0 + "\r\n" }.joined().utf8) + [0x0D, 0x0A] + rows.flatMap(\.self)
  }

  /// The content as it follows `DATA`: a line that begins with a point gets one more (RFC 5321 section 4.5.2), and a
  /// line with a point alone ends it.
  var transparent: [UInt8] { Self.transparent(content) }

  static func transparent(_ content: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(content.count + 5)
    var isLineStart = true
    for byte in content {
      if isLineStart, byte == 0x2E { bytes.append(byte) }
      bytes.append(byte)
      isLineStart = byte == 0x0A
    }
    return bytes + Array((isLineStart ? ".\r\n" : "\r\n.\r\n").utf8)
  }

  // MARK: Headers

  /// `Sun, 22 Nov 2026 02:03:04 +0000` (RFC 5322 section 3.3).
  static func date(_ seconds: Int64) -> String {
    let days = Int((Double(seconds) / 86_400).rounded(.down))
    let rest = Int(seconds) - days * 86_400
    // Days to a date of the civil calendar, by eras of 400 years that begin in March.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let ofEra = shifted - era * 146_097
    let year = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * year + year / 4 - year / 100)
    let march = (5 * ofYear + 2) / 153
    let day = ofYear - (153 * march + 2) / 5 + 1
    let month = march < 10 ? march + 3 : march - 9
    let names = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let weekday = names[((days % 7) + 7) % 7]
    let full = year + era * 400 + (month <= 2 ? 1 : 0)
    let clock = [rest / 3600, rest / 60 % 60, rest % 60].map(two).joined(separator: ":")
    return "\(weekday), \(day) \(months[month - 1]) \(full) \(clock) +0000"
  }

  /// A text without structure: as it is where it is short and plain, else in encoded words, each of whole characters.
  static func unstructured(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
    if isPlain, text.utf8.count <= 66, !text.contains("=?"), text.first != " ", text.last != " " { return text }
    var words: [[UInt8]] = [[]]
    for scalar in text.unicodeScalars.prefix(600) {
      // What would end the line, or steer a terminal, is a space.
      let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      let bytes = isControl ? [0x20] : Array(String(scalar).utf8)
      if words[words.count - 1].count + bytes.count > 42 { words.append([]) }
      words[words.count - 1] += bytes
    }
    return words.map { "=?utf-8?B?\(String(decoding: Base64.encode($0), as: UTF8.self))?=" }.joined(separator: "\r\n ")
  }
}

/// RFC 4648 section 4.
enum Base64 {
  private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let part = bytes[start..<min(start + 3, bytes.count)]
      let number = (0..<3).reduce(UInt32(0)) { $0 << 8 | ($1 < part.count ? UInt32(part[start + $1]) : 0) }
      for index in 0..<4 {
        text.append(index <= part.count ? letters[Int(number >> UInt32(18 - 6 * index) & 63)] : 0x3D)
      }
    }
    return text
  }
}
