import NIOSSL

/// What a certificate says that a person wants to read: whose it is, for which names, and until when (RFC 5280).
///
/// Read by ourselves because it is also read from certificates that have *not* been verified.
package struct CertificateFacts: Sendable, Equatable {
  /// `CN=ehr.hospital.example, O=Hospital`, control characters replaced.
  package let subject: String
  /// DNS names and IP addresses of the subject's alternative names.
  package var names: [String] { alternatives.map(\.text) }
  private let alternatives: [Alternative]
  /// Seconds since 1970.
  package let notBefore: Int64
  package let notAfter: Int64

  private enum Alternative: Equatable {
    case name(String)
    case address([UInt8])

    var text: String {
      switch self {
      case .name(let name): name
      case .address(let bytes): IPAddress.text(bytes)
      }
    }
  }

  /// Whether the certificate holds this very name or address (RFC 9525): an address counts only where an address was
  /// expected, and only the same. NIOSSL takes a certificate that holds the address connected to, whatever name was
  /// expected, so it is asked again here. A certificate without alternative names was judged by NIOSSL by its subject.
  func isFor(_ expected: String) -> Bool {
    if let address = IPAddress.bytes(expected) { return alternatives.contains(.address(address)) }
    if alternatives.isEmpty { return true }
    let wanted = Self.labels(expected)
    return alternatives.contains { alternative in
      guard case .name(let name) = alternative else { return false }
      let labels = Self.labels(name)
      guard labels.count == wanted.count, labels.dropFirst() == wanted.dropFirst() else { return false }
      // `*` stands for one whole label, the leftmost.
      return labels[0] == wanted[0] || labels[0] == "*"
    }
  }

  private static func labels(_ name: String) -> [Substring] {
    let name = name.hasSuffix(".") ? String(name.dropLast()) : name
    return name.lowercased().split(separator: ".", omittingEmptySubsequences: false)
  }

  init?(_ certificate: NIOSSLCertificate) {
    guard let bytes = try? certificate.toDERBytes() else { return nil }
    self.init(der: bytes)
  }

  init?(der bytes: [UInt8]) {
    var outer = DERReader(bytes[...])
    guard let signed = outer.next(DERReader.sequence) else { return nil }
    var certificate = DERReader(signed)
    guard let content = certificate.next(DERReader.sequence) else { return nil }
    var fields = DERReader(content)
    // TBSCertificate: [0] version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, …
    guard var field = fields.next() else { return nil }
    if field.tag == 0xA0 {
      guard let serial = fields.next() else { return nil }
      field = serial
    }
    guard fields.next(DERReader.sequence) != nil, fields.next(DERReader.sequence) != nil,
      let validity = fields.next(DERReader.sequence), let subject = fields.next(DERReader.sequence)
    else { return nil }
    var times = DERReader(validity)
    guard let start = times.next().flatMap(Self.time), let end = times.next().flatMap(Self.time) else { return nil }
    notBefore = start
    notAfter = end
    self.subject = Self.name(subject)
    var alternatives: [Alternative] = []
    while let element = fields.next() {
      if element.tag == 0xA3 { alternatives = Self.alternatives(element.content) }
    }
    self.alternatives = alternatives
  }

  /// RDNSequence: a set of (type, value) for each level, the widest first; written narrowest first as RFC 4514 does.
  private static func name(_ content: ArraySlice<UInt8>) -> String {
    var levels = DERReader(content)
    var parts: [String] = []
    while let level = levels.next(DERReader.set) {
      var pairs = DERReader(level)
      while let pair = pairs.next(DERReader.sequence) {
        var reader = DERReader(pair)
        guard let type = reader.next(DERReader.identifier), let value = reader.next() else { continue }
        parts.append("\(attributeName(type))=\(printable(value.content))")
      }
    }
    return parts.reversed().joined(separator: ", ")
  }

  private static func attributeName(_ type: ArraySlice<UInt8>) -> String {
    switch Array(type) {
    case [0x55, 0x04, 0x03]: "CN"
    case [0x55, 0x04, 0x06]: "C"
    case [0x55, 0x04, 0x07]: "L"
    case [0x55, 0x04, 0x08]: "ST"
    case [0x55, 0x04, 0x0A]: "O"
    case [0x55, 0x04, 0x0B]: "OU"
    default: "other"
    }
  }

  private static func printable(_ bytes: ArraySlice<UInt8>) -> String {
    String(
      String.UnicodeScalarView(
        String(decoding: bytes, as: UTF8.self).unicodeScalars.map { scalar in
          switch scalar.properties.generalCategory {
          case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: "?"
          default: scalar
          }
        }))
  }

  /// Extension 2.5.29.17: a sequence of names, of which [2] is a DNS name and [7] an address.
  private static func alternatives(_ extensions: ArraySlice<UInt8>) -> [Alternative] {
    var outer = DERReader(extensions)
    guard let list = outer.next(DERReader.sequence) else { return [] }
    var entries = DERReader(list)
    while let entry = entries.next(DERReader.sequence) {
      var reader = DERReader(entry)
      guard let type = reader.next(DERReader.identifier), Array(type) == [0x55, 0x1D, 0x11] else { continue }
      // The value may stand behind the boolean `critical`.
      while let value = reader.next() {
        guard value.tag == DERReader.octets else { continue }
        var inner = DERReader(value.content)
        guard let list = inner.next(DERReader.sequence) else { return [] }
        var names = DERReader(list)
        var found: [Alternative] = []
        while let name = names.next() {
          if name.tag == 0x82 { found.append(.name(printable(name.content))) }
          if name.tag == 0x87, name.content.count == 4 || name.content.count == 16 {
            found.append(.address(Array(name.content)))
          }
        }
        return found
      }
    }
    return []
  }

  /// `YYMMDDHHMMSSZ` (years 1950 to 2049) or `YYYYMMDDHHMMSSZ`, as seconds since 1970.
  private static func time(_ element: DERReader.Element) -> Int64? {
    let yearDigits = element.tag == DERReader.utcTime ? 2 : 4
    guard element.tag == DERReader.utcTime || element.tag == DERReader.generalizedTime,
      element.content.count == yearDigits + 11, element.content.last == UInt8(ascii: "Z")
    else { return nil }
    let digits = element.content.dropLast().map { Int64($0) - 0x30 }
    guard digits.allSatisfy({ (0...9).contains($0) }) else { return nil }
    func number(_ start: Int, _ count: Int) -> Int64 { digits[start..<start + count].reduce(0) { $0 * 10 + $1 } }
    var year = number(0, yearDigits)
    if yearDigits == 2 { year += year < 50 ? 2000 : 1900 }
    let d = yearDigits
    let days = UTCDate.days(year: year, month: number(d, 2), day: number(d + 2, 2))
    return days * 86_400 + number(d + 4, 2) * 3600 + number(d + 6, 2) * 60 + number(d + 8, 2)
  }

  /// `2027-03-31`.
  package var lastDay: String { UTCDate.text(seconds: notAfter) }
  package var firstDay: String { UTCDate.text(seconds: notBefore) }
}

/// Days of the Gregorian calendar, counted from 1970-01-01.
enum UTCDate {
  static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    // Years begin in March here, so that the leap day is the last of its year; 400 years have 146,097 days.
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  static func text(seconds: Int64) -> String {
    let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400 + 719_468
    let era = (days >= 0 ? days : days - 146_096) / 146_097
    let dayOfEra = days - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * month + 2) / 5 + 1
    let civilMonth = month < 10 ? month + 3 : month - 9
    let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : String(number) }
    return "\(year)-\(two(civilMonth))-\(two(day))"
  }
}
