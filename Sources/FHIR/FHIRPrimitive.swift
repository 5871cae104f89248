package import Text

/// The types whose values are written as one text, number or boolean of JSON.
package enum FHIRPrimitive: String, Sendable, Hashable, CaseIterable {
  case boolean, integer, unsignedInt, positiveInt, decimal
  case string, code, id, markdown, uri, url, canonical, oid, uuid, base64Binary, xhtml
  case date, dateTime, instant, time

  /// Why a value of JSON is none of this type, never with what stands there; `nil` where it is one.
  package func problem(_ node: JSONNode) -> String? {
    switch self {
    case .boolean:
      return node.kind == .boolean ? nil : "true or false is needed, without quotes"
    case .decimal:
      return node.kind == .number ? nil : "a number is needed, without quotes"
    case .integer, .unsignedInt, .positiveInt:
      guard let number = node.number else { return "a whole number is needed, without quotes" }
      return isWhole(number) ? nil : wholeProblem
    default:
      guard let text = node.text else { return "a text in quotes is needed" }
      if text.isEmpty { return "an empty text: FHIR leaves out what has no value" }
      return problem(text)
    }
  }

  /// The same of a text that is there.
  package func problem(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    switch self {
    case .boolean: return text == "true" || text == "false" ? nil : "true or false is needed"
    case .integer, .unsignedInt, .positiveInt: return isWhole(text) ? nil : wholeProblem
    case .decimal: return nil
    case .string, .markdown:
      // «Strings SHALL NOT exceed 1MB», and hold no control characters but tab, carriage return and line feed.
      if bytes.count > 1 << 20 { return "longer than 1 MB" }
      let isControlled = bytes.contains { $0 < 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
      return isControlled ? "control characters can't stand in a text of FHIR" : nil
    case .code: return Self.isCode(bytes) ? nil : "a code has no white space at its ends, and single spaces inside"
    case .id:
      let isID =
        (1...64).contains(bytes.count) && bytes.allSatisfy { Self.isAlphanumeric($0) || $0 == 0x2D || $0 == 0x2E }
      return isID ? nil : "an id is 1 to 64 letters, digits, - and ."
    case .uri, .url, .canonical: return bytes.contains(where: Self.isSpace) ? "an address has no white space" : nil
    case .oid: return Self.isOID(text) ? nil : "an OID is written urn:oid:1.2.3"
    case .uuid: return Self.isUUID(text) ? nil : "a UUID is written urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
    case .base64Binary: return Self.isBase64(bytes) ? nil : "not base64"
    case .xhtml: return text.hasPrefix("<div") ? nil : "a narrative is one <div> of XHTML"
    case .date: return FHIRTime.isDate(bytes[...]) ? nil : "a date is a year, year-month or year-month-day: 1980-02-29"
    case .dateTime:
      return FHIRTime.isDateTime(bytes)
        ? nil : "a date, or with hours one with seconds and offset: 2024-02-29T08:30:00+01:00"
    case .instant:
      return FHIRTime.isInstant(bytes)
        ? nil : "an instant has date, time with seconds and offset: 2024-02-29T08:30:00.000Z"
    case .time: return FHIRTime.isTime(bytes[...]) ? nil : "a time of day is hours, minutes and seconds: 08:30:00"
    }
  }

  // MARK: Forms

  private func isWhole(_ text: String) -> Bool {
    let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
    guard !digits.isEmpty, digits.allSatisfy({ $0 &- 0x30 < 10 }), digits.count == 1 || digits.first != 0x30,
      let number = Int32(text)
    else { return false }
    return self == .positiveInt ? number > 0 : self == .unsignedInt ? number >= 0 : true
  }

  private var wholeProblem: String {
    switch self {
    case .positiveInt: "a whole number of 1 or more is needed, of at most 2147483647"
    case .unsignedInt: "a whole number of 0 or more is needed, of at most 2147483647"
    default: "a whole number of 32 bits is needed, without point and exponent"
    }
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    byte &- 0x30 < 10 || (byte | 0x20) &- UInt8(ascii: "a") < 26
  }

  private static func isCode(_ bytes: [UInt8]) -> Bool {
    var wasSpace = true
    for byte in bytes {
      let space = isSpace(byte)
      if space && wasSpace { return false }
      wasSpace = space
    }
    return !wasSpace
  }

  private static func isOID(_ text: String) -> Bool {
    guard text.hasPrefix("urn:oid:") else { return false }
    let arcs = text.dropFirst(8).split(separator: ".", omittingEmptySubsequences: false)
    guard arcs.count > 1, ["0", "1", "2"].contains(arcs[0]) else { return false }
    return arcs.allSatisfy { arc in
      !arc.isEmpty && arc.utf8.allSatisfy { $0 &- 0x30 < 10 } && (arc.utf8.count == 1 || arc.utf8.first != 0x30)
    }
  }

  private static func isUUID(_ text: String) -> Bool {
    guard text.hasPrefix("urn:uuid:") else { return false }
    let groups = text.dropFirst(9).split(separator: "-", omittingEmptySubsequences: false)
    return groups.map(\.utf8.count) == [8, 4, 4, 4, 12]
      && groups.joined().utf8.allSatisfy { $0 &- 0x30 < 10 || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) }
  }

  private static func isBase64(_ bytes: [UInt8]) -> Bool {
    var count = 0
    var padding = 0
    for byte in bytes where !isSpace(byte) {
      count += 1
      if byte == UInt8(ascii: "=") {
        padding += 1
      } else {
        guard padding == 0, isAlphanumeric(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/") else {
          return false
        }
      }
    }
    return count > 0 && count % 4 == 0 && padding < 3
  }
}

/// Dates and times as FHIR writes them.
enum FHIRTime {
  /// `2024`, `2024-02`, `2024-02-29`: a day that there is.
  static func isDate(_ bytes: ArraySlice<UInt8>) -> Bool {
    let parts = bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    guard let year = number(parts[0], 4), year > 0 else { return false }
    guard parts.count > 1 else { return true }
    guard let month = number(parts[1], 2), (1...12).contains(month) else { return false }
    guard parts.count > 2 else { return true }
    guard parts.count == 3, let day = number(parts[2], 2), day > 0 else { return false }
    return day <= CivilCalendar.days(year, month)
  }

  static func isDateTime(_ bytes: [UInt8]) -> Bool {
    bytes.contains(UInt8(ascii: "T")) ? isInstant(bytes) : isDate(bytes[...])
  }

  static func isInstant(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= 20, bytes[10] == UInt8(ascii: "T"), isDate(bytes[..<10]) else { return false }
    if bytes.last == UInt8(ascii: "Z") { return isTime(bytes[11..<bytes.count - 1]) }
    let offset = bytes.suffix(6)
    guard offset.first == UInt8(ascii: "+") || offset.first == UInt8(ascii: "-") else { return false }
    let parts = offset.dropFirst().split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count == 2, let hours = number(parts[0], 2), let minutes = number(parts[1], 2) else { return false }
    guard minutes < 60, hours < 14 || (hours == 14 && minutes == 0) else { return false }
    return isTime(bytes[11..<offset.startIndex])
  }

  /// `08:30:00`, `08:30:00.250`
  static func isTime(_ bytes: ArraySlice<UInt8>) -> Bool {
    let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count == 3, let hour = number(parts[0], 2), let minute = number(parts[1], 2) else { return false }
    let seconds = parts[2].split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let second = number(seconds[0], 2), hour < 24, minute < 60, second <= 60 else { return false }
    return seconds.count == 1 || (!seconds[1].isEmpty && seconds[1].allSatisfy { $0 &- 0x30 < 10 })
  }

  private static func number(_ bytes: ArraySlice<UInt8>, _ count: Int) -> Int? {
    guard bytes.count == count, bytes.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
    return bytes.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }
}
