package import Text

/// What stands at a place: nothing, the two quotes that mean «delete», or text.
package enum HL7Value: Sendable, Hashable {
  case absent
  /// `""`: the sender says that the value is to be deleted.
  case null
  /// Decoded and without escapes; never empty.
  case text(String)

  /// The text; `nil` for absent and null.
  package var text: String? {
    if case .text(let text) = self { return text }
    return nil
  }
}

/// A stretch of a message: a field, a repetition, a component or a subcomponent, as it stands in the bytes.
package struct HL7Piece: Sendable {
  package enum Level: UInt8, Sendable, Comparable {
    /// All repetitions.
    case field
    case repetition, component, subcomponent
    /// MSH-1 and MSH-2, where separators and escapes stand for themselves.
    case delimiters
    package static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
  }

  package enum Presence: Sendable, Hashable { case absent, null, valued }

  // Small, because a program copies them all the time: the bytes that it lies in, and where.
  private let whole: [UInt8]
  private let start: UInt32
  private let end: UInt32
  package let level: Level
  package let charset: Charset
  package let delimiters: HL7Delimiters

  /// - Parameter range: where it stands in `bytes`; no message is longer than 4 GiB.
  package init(_ bytes: [UInt8], _ range: Range<Int>, level: Level, delimiters: HL7Delimiters, charset: Charset) {
    whole = bytes
    start = UInt32(range.lowerBound)
    end = UInt32(range.upperBound)
    self.level = level
    self.delimiters = delimiters
    self.charset = charset
  }

  /// A stretch of its own.
  package init(_ bytes: [UInt8], level: Level, delimiters: HL7Delimiters, charset: Charset) {
    self.init(bytes, 0..<bytes.count, level: level, delimiters: delimiters, charset: charset)
  }

  /// The raw bytes. In a message that came, the slice's indices are offsets into the message.
  package var bytes: ArraySlice<UInt8> { whole[range] }
  package var byteCount: Int { Int(end - start) }
  package var isEmpty: Bool { start == end }
  private var range: Range<Int> { Int(start)..<Int(end) }

  /// Another stretch of the same message.
  private func piece(_ range: Range<Int>, _ level: Level) -> HL7Piece {
    HL7Piece(whole, range, level: level, delimiters: delimiters, charset: charset)
  }

  /// In a message of another character set.
  func decoded(as charset: Charset, _ delimiters: HL7Delimiters) -> HL7Piece {
    HL7Piece(whole, range, level: level, delimiters: delimiters, charset: charset)
  }

  /// Absent where there is nothing but separators; null where `""` stands alone.
  package var presence: Presence {
    if isNull { return .null }
    guard level != .delimiters else { return isEmpty ? .absent : .valued }
    let isValued = bytes.contains { byte in
      byte != delimiters.component && byte != delimiters.repetition && byte != delimiters.subcomponent
    }
    return isValued ? .valued : .absent
  }

  package var isNull: Bool { byteCount == 2 && whole[Int(start)] == 0x22 && whole[Int(start) + 1] == 0x22 }

  /// How many repetitions there are: 0 for an empty field.
  package var repetitionCount: Int {
    if isEmpty { return 0 }
    return level == .field ? count(of: delimiters.repetition) + 1 : 1
  }

  /// How many components there are in this repetition (of a field: its first): 0 where it is empty.
  package var componentCount: Int {
    switch level {
    case .field: repetition(1).componentCount
    case .repetition: isEmpty ? 0 : count(of: delimiters.component) + 1
    default: isEmpty ? 0 : 1
    }
  }

  /// How many subcomponents there are in this component (of a field or repetition: its first): 0 where it is empty.
  package var subcomponentCount: Int {
    switch level {
    case .field, .repetition: component(1).subcomponentCount
    case .component: isEmpty ? 0 : count(of: delimiters.subcomponent) + 1
    default: isEmpty ? 0 : 1
    }
  }

  /// The n-th repetition, from 1; empty where there is none. What is below a field is its own only repetition.
  package func repetition(_ number: Int) -> HL7Piece {
    level == .field ? part(number, delimiters.repetition, .repetition) : number == 1 ? self : empty(.repetition)
  }

  /// The n-th component, from 1; empty where there is none. A primitive is its own first component.
  package func component(_ number: Int) -> HL7Piece {
    switch level {
    case .field: repetition(1).component(number)
    case .repetition: part(number, delimiters.component, .component)
    default: number == 1 ? self : empty(.component)
    }
  }

  /// The n-th subcomponent, from 1; empty where there is none. A primitive is its own first subcomponent.
  package func subcomponent(_ number: Int) -> HL7Piece {
    switch level {
    case .field, .repetition: component(1).subcomponent(number)
    case .component: part(number, delimiters.subcomponent, .subcomponent)
    default: number == 1 ? self : empty(.subcomponent)
    }
  }

  /// All repetitions in order; none for an empty field.
  package var repetitions: [HL7Piece] {
    guard !isEmpty else { return [] }
    return level == .field ? parts(delimiters.repetition, .repetition) : [self]
  }

  /// All components of this repetition (of a field: of its first); none where it is empty.
  package var components: [HL7Piece] {
    guard level > .field else { return repetition(1).components }
    guard !isEmpty else { return [] }
    return level == .repetition ? parts(delimiters.component, .component) : [self]
  }

  /// All subcomponents of this component (of a field or repetition: of its first); none where it is empty.
  package var subcomponents: [HL7Piece] {
    guard level > .repetition else { return component(1).subcomponents }
    guard !isEmpty else { return [] }
    return level == .component ? parts(delimiters.subcomponent, .subcomponent) : [self]
  }

  /// What a position names within this field. The position's own field number is not looked at.
  package func piece(at position: HL7Position) -> HL7Piece {
    guard level == .field else {
      var piece = self
      if let repetition = position.repetition { piece = piece.repetition(repetition) }
      if let component = position.component { piece = piece.component(component) }
      if let subcomponent = position.subcomponent { piece = piece.subcomponent(subcomponent) }
      return piece
    }
    var range = range
    var level = Level.field
    if position.repetition != nil || position.component != nil || position.subcomponent != nil {
      range = partRange(position.repetition ?? 1, delimiters.repetition, range)
      level = .repetition
    }
    if position.component != nil || position.subcomponent != nil {
      range = partRange(position.component ?? 1, delimiters.component, range)
      level = .component
    }
    if let subcomponent = position.subcomponent {
      range = partRange(subcomponent, delimiters.subcomponent, range)
      level = .subcomponent
    }
    return piece(range, level)
  }

  /// The first repetition's first component's first subcomponent.
  package var leaf: HL7Piece {
    guard level < .subcomponent else { return self }
    let end = bytes.firstIndex { byte in
      byte == delimiters.component || byte == delimiters.subcomponent || byte == delimiters.repetition
    }
    return piece(range.lowerBound..<(end ?? range.upperBound), .subcomponent)
  }

  /// The leaf as a value: absent, null, or text with escapes decoded.
  package func value() throws(HL7TextError) -> HL7Value {
    let leaf = self.leaf
    if leaf.isEmpty { return .absent }
    if leaf.isNull { return .null }
    return .text(try leaf.text())
  }

  /// All of the stretch as one text, separators included, with escapes decoded; formatting (`\.br\`, `\H\`) is kept.
  ///
  /// - Throws: bytes that are not of the message's character set.
  package func text() throws(HL7TextError) -> String {
    do {
      if level == .delimiters { return try charset.decode(bytes) }
      return try HL7Escapes.decoded(bytes, delimiters, charset)
    } catch {
      throw HL7TextError(.characters(error), offset: range.lowerBound + min(error.offset, byteCount))
    }
  }

  /// The text where the stretch is a single leaf that needs no decoding, which most are; `nil` where it may be
  /// anything else.
  package var plainText: String? {
    guard !isEmpty, level != .delimiters else { return nil }
    return bytes.withUnsafeBufferPointer { bytes in
      bytes.allSatisfy { delimiters.isPlain($0) } ? String(decoding: bytes, as: UTF8.self) : nil
    }
  }

  private func empty(_ level: Level) -> HL7Piece { piece(range.upperBound..<range.upperBound, level) }

  private func count(of separator: UInt8?) -> Int {
    guard let separator else { return 0 }
    return bytes.count { $0 == separator }
  }

  private func part(_ number: Int, _ separator: UInt8?, _ level: Level) -> HL7Piece {
    piece(partRange(number, separator, range), level)
  }

  /// Where the n-th part between separators stands; an empty range where there is none.
  private func partRange(_ number: Int, _ separator: UInt8?, _ range: Range<Int>) -> Range<Int> {
    guard number >= 1 else { return range.upperBound..<range.upperBound }
    return HL7Stretch(of: number, separator: separator, in: bytes, range).range
  }

  private func parts(_ separator: UInt8?, _ level: Level) -> [HL7Piece] {
    guard let separator else {
      return [piece(range, level)]
    }
    var parts: [HL7Piece] = []
    var from = range.lowerBound
    for index in range where whole[index] == separator {
      parts.append(piece(from..<index, level))
      from = index + 1
    }
    parts.append(piece(from..<range.upperBound, level))
    return parts
  }
}

extension HL7Piece: CustomStringConvertible, CustomReflectable {
  /// Level and size; never content.
  package var description: String { "\(level) of \(byteCount) bytes" }
  package var customMirror: Mirror { Mirror(self, children: ["piece": description]) }
}
