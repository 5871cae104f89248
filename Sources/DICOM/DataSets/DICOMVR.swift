/// The value representations of PS3.5 table 6.2-1: how the bytes of a value are read.
package enum DICOMVR: UInt8, Sendable, Hashable, CaseIterable, CustomStringConvertible {
  case ae, `as`, at, cs, da, ds, dt, fd, fl, `is`, lo, lt, ob, od, of, ol, ov, ow, pn, sh, sl, sq, ss, st, sv, tm, uc,
    ui, ul, un, ur, us, ut, uv

  /// Two capitals: `PN`.
  package var name: String { Self.names[Int(rawValue)] }
  package var description: String { name }

  package init?(_ name: some StringProtocol) {
    var letters = name.utf8.makeIterator()
    guard let first = letters.next(), let second = letters.next(), letters.next() == nil,
      let known = DICOMVR(first, second)
    else { return nil }
    self = known
  }

  /// By the two letters as bytes.
  init?(_ first: UInt8, _ second: UInt8) {
    let (row, column) = (Int(first) - 0x41, Int(second) - 0x41)
    guard (0..<26).contains(row), (0..<26).contains(column) else { return nil }
    let value = Self.byLetters[row * 26 + column]
    guard value != 255 else { return nil }
    self.init(rawValue: value)
  }

  private static let names = [
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV", "OW", "PN",
    "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV",
  ]
  private static let byLetters: [UInt8] = {
    var table = [UInt8](repeating: 255, count: 26 * 26)
    for vr in allCases {
      let letters = Array(names[Int(vr.rawValue)].utf8)
      table[(Int(letters[0]) - 0x41) * 26 + Int(letters[1]) - 0x41] = vr.rawValue
    }
    return table
  }()

  /// In explicit syntaxes its length has 32 bits behind two bytes of nothing; others have 16.
  package var hasLongLength: Bool {
    switch self {
    case .ob, .od, .of, .ol, .ov, .ow, .sq, .sv, .uc, .un, .ur, .ut, .uv: true
    default: false
    }
  }

  /// Its value is text.
  package var isText: Bool {
    switch self {
    case .ae, .as, .cs, .da, .ds, .dt, .is, .lo, .lt, .pn, .sh, .st, .tm, .uc, .ui, .ur, .ut: true
    default: false
    }
  }

  /// (0008,0005) says in which character set its text is.
  package var followsCharacterSet: Bool {
    switch self {
    case .lo, .lt, .pn, .sh, .st, .uc, .ut: true
    default: false
    }
  }

  /// In its text a backslash parts values; in the others it is a character as any.
  package var isSplit: Bool {
    switch self {
    case .lt, .st, .ur, .ut: false
    default: isText
    }
  }

  /// Spaces in front mean nothing.
  var isTrimmedInFront: Bool {
    switch self {
    case .lt, .st, .ut, .uc, .ur: false
    default: isText
    }
  }

  /// What makes the length of a value even.
  var padding: UInt8 { isText && self != .ui ? 0x20 : 0x00 }

  /// How many bytes belong together, and are turned round between little and big endian.
  package var wordBytes: Int {
    switch self {
    case .at, .ow, .ss, .us: 2
    case .fl, .of, .ol, .sl, .ul: 4
    case .fd, .od, .ov, .sv, .uv: 8
    default: 1
    }
  }

  /// How many bytes one number has; `nil` where the value isn't numbers.
  package var numberBytes: Int? {
    switch self {
    case .ss, .us: 2
    case .at, .fl, .sl, .ul: 4
    case .fd, .sv, .uv: 8
    default: nil
    }
  }

  /// Its value is bytes that nobody reads as text or as single numbers.
  package var isBinary: Bool {
    switch self {
    case .ob, .od, .of, .ol, .ov, .ow, .un: true
    default: false
    }
  }
}
