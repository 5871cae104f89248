import Text

/// Values of an element by their kind.
extension DICOMElement {
  /// The values of text, each without padding; none where the value is empty.
  package func texts() throws(DICOMError) -> [String] { try texts(in: characterSets) }

  /// - Parameter characterSets: those that are declared for where it stands, which who reads many texts looks up once.
  func texts(in characterSets: @autoclosure () -> DICOMCharacterSets) throws(DICOMError) -> [String] {
    let vr = vr
    guard vr.isText else { throw error(.kindOfValue(vr)) }
    let bytes = try bytes()
    guard vr.followsCharacterSet else {
      // Of these only ASCII is allowed; Latin 1 is what comes closest where there is more.
      return DICOMText.values(bytes, vr).map { value in
        value.allSatisfy { $0 < 0x80 }
          ? String(decoding: value, as: UTF8.self)
          : String(String.UnicodeScalarView(value.map { Unicode.Scalar($0) }))
      }
    }
    let isPlain = bytes.allSatisfy { $0 < 0x80 && $0 != 0x1B }
    let sets = isPlain && bytes.allSatisfy { $0 != 0x5C && $0 != 0x7E } ? .standard : characterSets()
    if !isPlain, !sets.isKnown { throw error(.characterSet) }
    do throws(DICOMUndecodable) {
      let values = try sets.decode(bytes, vr)
      return values == [""] ? [] : values
    } catch {
      throw self.error(.undecodable(at: error.offset))
    }
  }

  /// The first value of text; `nil` where the value is empty.
  package func text() throws(DICOMError) -> String? { try texts().first }

  /// Names of people.
  package func names() throws(DICOMError) -> [DICOMPersonName] {
    guard vr == .pn else { throw error(.kindOfValue(vr)) }
    return try texts().map { DICOMPersonName($0) }
  }

  /// Whole numbers: US, SS, UL, SL, UV, SV and the texts of IS.
  package func integers() throws(DICOMError) -> [Int128] {
    let vr = vr
    switch vr {
    case .is:
      var numbers: [Int128] = []
      for text in try texts() {
        guard let number = Int128(text) else { throw error(.malformed(.is)) }
        numbers.append(number)
      }
      return numbers
    case .us: return try numbers(2) { Int128($0.uint16(at: $1, isBigEndian: $2)) }
    case .ss: return try numbers(2) { Int128(Int16(bitPattern: $0.uint16(at: $1, isBigEndian: $2))) }
    case .ul: return try numbers(4) { Int128($0.uint32(at: $1, isBigEndian: $2)) }
    case .sl: return try numbers(4) { Int128(Int32(bitPattern: $0.uint32(at: $1, isBigEndian: $2))) }
    case .uv: return try numbers(8) { Int128($0.uint64(at: $1, isBigEndian: $2)) }
    case .sv: return try numbers(8) { Int128(Int64(bitPattern: $0.uint64(at: $1, isBigEndian: $2))) }
    default: throw error(.kindOfValue(vr))
    }
  }

  /// FL and FD.
  package func floats() throws(DICOMError) -> [Double] {
    switch vr {
    case .fl: return try numbers(4) { Double(Float(bitPattern: $0.uint32(at: $1, isBigEndian: $2))) }
    case .fd: return try numbers(8) { Double(bitPattern: $0.uint64(at: $1, isBigEndian: $2)) }
    default: throw error(.kindOfValue(vr))
    }
  }

  /// AT
  package func tags() throws(DICOMError) -> [DICOMTag] {
    guard vr == .at else { throw error(.kindOfValue(vr)) }
    return try numbers(4) {
      DICOMTag($0.uint16(at: $1, isBigEndian: $2), $0.uint16(at: $1 + 2, isBigEndian: $2))
    }
  }

  /// UI. What is no UID is an error, so that what comes out can't be anything else, such as the way to a file.
  package func uids() throws(DICOMError) -> [String] {
    guard vr == .ui else { throw error(.kindOfValue(vr)) }
    let texts = try texts()
    guard texts.allSatisfy(DICOMUID.isValid) else { throw error(.malformed(.ui)) }
    return texts
  }

  private func numbers<Number>(
    _ size: Int, _ read: (ArraySlice<UInt8>, Int, Bool) -> Number
  ) throws(DICOMError) -> [Number] {
    let bytes = try bytes()
    guard bytes.count % size == 0 else { throw error(.size(vr)) }
    // What is passed on as UN stays little endian.
    let isBigEndian = entry.encoding.isBigEndian && entry.vr != .un
    return stride(from: bytes.startIndex, to: bytes.endIndex, by: size).map { read(bytes, $0, isBigEndian) }
  }
}

/// Unique identifiers (PS3.5 section 9).
package enum DICOMUID {
  /// At most 64 characters: numbers without leading zeros, parted by points.
  package static func isValid(_ text: String) -> Bool {
    let bytes = text.utf8
    guard !bytes.isEmpty, bytes.count <= 64 else { return false }
    return bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty && part.allSatisfy { (0x30...0x39).contains($0) } && (part.count == 1 || part.first != 0x30)
    }
  }
}

/// The name of a person in up to three writings.
package struct DICOMPersonName: Sendable, Hashable {
  package struct Components: Sendable, Hashable {
    package var family, given, middle, prefix, suffix: String

    package init(
      family: String = "", given: String = "", middle: String = "", prefix: String = "", suffix: String = ""
    ) {
      self.family = family
      self.given = given
      self.middle = middle
      self.prefix = prefix
      self.suffix = suffix
    }

    /// `Doe^Jane^^^`; more than five parts stay with the last.
    package init(_ text: String) {
      let parts = text.utf8.split(separator: UInt8(ascii: "^"), maxSplits: 4, omittingEmptySubsequences: false)
        .map { DICOMText.trimmed(String($0) ?? "", .pn) }
      self.init(
        family: parts[0], given: parts.count > 1 ? parts[1] : "", middle: parts.count > 2 ? parts[2] : "",
        prefix: parts.count > 3 ? parts[3] : "", suffix: parts.count > 4 ? parts[4] : "")
    }

    /// Without the delimiters that nothing follows.
    package var text: String {
      var parts = [family, given, middle, prefix, suffix]
      while parts.last == "" { parts.removeLast() }
      return parts.joined(separator: "^")
    }
  }

  /// In letters of an alphabet, as characters for words, as it sounds. Empty where there is none.
  package var alphabetic, ideographic, phonetic: String

  package init(alphabetic: String = "", ideographic: String = "", phonetic: String = "") {
    self.alphabetic = alphabetic
    self.ideographic = ideographic
    self.phonetic = phonetic
  }

  /// `Yamada^Tarou=山田^太郎=やまだ^たろう`
  package init(_ text: String) {
    let parts = text.utf8.split(separator: UInt8(ascii: "="), maxSplits: 2, omittingEmptySubsequences: false)
      .map { String($0) ?? "" }
    self.init(
      alphabetic: parts[0], ideographic: parts.count > 1 ? parts[1] : "", phonetic: parts.count > 2 ? parts[2] : "")
  }

  package var components: Components { Components(alphabetic) }

  /// Without the delimiters that nothing follows.
  package var text: String {
    var parts = [alphabetic, ideographic, phonetic]
    while parts.last == "" { parts.removeLast() }
    return parts.joined(separator: "=")
  }
}
