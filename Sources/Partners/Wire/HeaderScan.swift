/// The two answers that a partner needs from a message's bytes: which control id it carries and what an acknowledgement
/// says. They are read here on their own, by counting separators, and not with the engine's reader: a test partner that
/// shared the engine's parser would share its mistakes.
enum HeaderScan {
  private static let carriageReturn: UInt8 = 0x0D
  private static let lineFeed: UInt8 = 0x0A

  /// Where MSH-10 (the message control id) stands; `nil` where the bytes don't begin with an MSH segment that has one.
  static func controlID(in bytes: Span<UInt8>) -> Range<Int>? {
    // MSH-1 is the separator itself, so MSH-10 lies between the ninth separator and the tenth.
    let field = field(10 - 1, ofSegmentAt: 0, named: 0x4D_5348, separator: nil, in: bytes)
    return field.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// What an acknowledgement says: MSA-1 (AA, AE, AR, CA, CE, CR) and where MSA-2 stands, the control id that it
  /// answers; that range is empty where it answers a message without one. `nil` for what is no acknowledgement.
  static func acknowledgement(in bytes: Span<UInt8>) -> (code: AcknowledgementCode, controlID: Range<Int>)? {
    guard bytes.count > 4, bytes[0] == 0x4D, bytes[1] == 0x53, bytes[2] == 0x48 else { return nil }
    let separator = bytes[3]
    var start = 0
    while start < bytes.count {
      if let code = field(1, ofSegmentAt: start, named: 0x4D_5341, separator: separator, in: bytes) {
        guard code.count == 2,
          let known = AcknowledgementCode(bytes: (bytes[code.lowerBound], bytes[code.lowerBound + 1]))
        else { return nil }
        return (known, field(2, ofSegmentAt: start, named: 0x4D_5341, separator: separator, in: bytes) ?? 0..<0)
      }
      while start < bytes.count, bytes[start] != carriageReturn, bytes[start] != lineFeed { start += 1 }
      while start < bytes.count, bytes[start] == carriageReturn || bytes[start] == lineFeed { start += 1 }
    }
    return nil
  }

  /// The field after the `count`th separator of the segment at `start`; `nil` where the segment has another name (three
  /// letters as one number) or fewer fields.
  private static func field(
    _ count: Int, ofSegmentAt start: Int, named name: UInt32, separator: UInt8?, in bytes: Span<UInt8>
  ) -> Range<Int>? {
    guard bytes.count - start > 3 else { return nil }
    let letters = UInt32(bytes[start]) << 16 | UInt32(bytes[start + 1]) << 8 | UInt32(bytes[start + 2])
    guard letters == name else { return nil }
    let separator = separator ?? bytes[start + 3]
    var at = start + 3
    var left = count
    while at < bytes.count {
      let byte = bytes[at]
      if byte == carriageReturn || byte == lineFeed { return nil }
      if byte == separator {
        left -= 1
        if left == 0 { break }
      }
      at += 1
    }
    guard at < bytes.count else { return nil }
    let first = at + 1
    at = first
    while at < bytes.count, bytes[at] != separator, bytes[at] != carriageReturn, bytes[at] != lineFeed { at += 1 }
    return first..<at
  }
}

/// MSA-1: what the answerer says of a message (HL7 table 0008).
package enum AcknowledgementCode: String, Sendable, Hashable, CaseIterable {
  // swift-format-ignore: AlwaysUseLowerCamelCase
  /// Original mode: processed, error, rejected.
  case AA, AE, AR
  // swift-format-ignore: AlwaysUseLowerCamelCase
  /// Enhanced mode, the accept acknowledgement: safe storage taken over, error, rejected.
  case CA, CE, CR

  /// Whether the answerer took the message over: AA or CA.
  package var isAcceptance: Bool { self == .AA || self == .CA }

  init?(bytes: (UInt8, UInt8)) {
    switch bytes {
    case (0x41, 0x41): self = .AA
    case (0x41, 0x45): self = .AE
    case (0x41, 0x52): self = .AR
    case (0x43, 0x41): self = .CA
    case (0x43, 0x45): self = .CE
    case (0x43, 0x52): self = .CR
    default: return nil
    }
  }
}
