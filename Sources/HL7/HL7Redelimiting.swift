import Text

/// Copies a stretch of one message into another whose delimiters or character set differ.
extension HL7Encoder {
  func append(
    _ piece: HL7Piece, at level: HL7Piece.Level, to bytes: inout [UInt8]
  ) throws(HL7EditError.Kind) {
    if piece.level == .delimiters {
      let text: String
      do { text = try piece.text() } catch { throw .text(error) }
      try append(text, to: &bytes)
      return
    }
    let separators = try separatorPairs(of: piece, at: level)
    let keepsSeparators = separators.allSatisfy { $0.from == $0.to }
    if keepsSeparators, piece.delimiters == delimiters, isASCIICompatible(piece),
      !piece.bytes.contains(where: Self.endsSegmentOrFrame)
    {
      bytes.append(contentsOf: piece.bytes)
      return
    }
    var leafStart = piece.bytes.startIndex
    for index in piece.bytes.indices {
      guard let pair = separators.first(where: { $0.from == piece.bytes[index] }) else { continue }
      try appendLeaf(piece.bytes[leafStart..<index], of: piece, to: &bytes)
      guard let separator = pair.to else { throw pair.missing }
      bytes.append(separator)
      leafStart = index + 1
    }
    try appendLeaf(piece.bytes[leafStart...], of: piece, to: &bytes)
  }

  private typealias SeparatorPair = (from: UInt8, to: UInt8?, missing: HL7EditError.Kind)

  /// Which separator of the source becomes which of the target.
  private func separatorPairs(
    of piece: HL7Piece, at level: HL7Piece.Level
  ) throws(HL7EditError.Kind) -> [SeparatorPair] {
    let source = piece.delimiters
    var pairs: [SeparatorPair] = []
    var sourceLevel = piece.level
    var targetLevel = level
    if sourceLevel == .field {
      let repeats = source.repetition.map { piece.bytes.contains($0) } ?? false
      if repeats, level != .field { throw .repeats }
      if repeats, let from = source.repetition { pairs.append((from, delimiters.repetition, .noSeparator)) }
      sourceLevel = .repetition
    }
    if targetLevel == .field { targetLevel = .repetition }
    // What has one component only may stand where a component stands.
    if sourceLevel == .repetition, targetLevel > .repetition, !piece.bytes.contains(source.component) {
      sourceLevel = .component
    }
    let sourceSeparators: [UInt8?] =
      switch sourceLevel {
      case .repetition, .field: [source.component, source.subcomponent]
      case .component: [source.subcomponent]
      default: []
      }
    let targetSeparators: [UInt8?] =
      switch targetLevel {
      case .repetition, .field: [delimiters.component, delimiters.subcomponent]
      case .component: [delimiters.subcomponent]
      default: []
      }
    for (depth, from) in sourceSeparators.enumerated() {
      guard let from else { continue }
      let exists = depth < targetSeparators.count
      pairs.append((from, exists ? targetSeparators[depth] : nil, exists ? .noSeparator : .tooDeep))
    }
    return pairs
  }

  /// Whether the bytes mean the same text in both sets.
  private func isASCIICompatible(_ piece: HL7Piece) -> Bool {
    if piece.charset == charset { return true }
    return piece.bytes.allSatisfy { $0 < 0x80 } && !holdsHex(piece)
  }

  /// Whether there may be `\Xdd…\`, which stands for bytes of the source's own set.
  func holdsHex(_ piece: HL7Piece) -> Bool {
    guard let escape = piece.delimiters.escape else { return false }
    let bytes = piece.bytes
    return bytes.indices.contains {
      bytes[$0] == escape && $0 + 1 < bytes.endIndex && bytes[$0 + 1] == UInt8(ascii: "X")
    }
  }

  private func appendLeaf(
    _ leaf: ArraySlice<UInt8>, of piece: HL7Piece, to bytes: inout [UInt8]
  ) throws(HL7EditError.Kind) {
    if leaf.isEmpty { return }
    if leaf.count == 2, leaf.allSatisfy({ $0 == 0x22 }) {
      bytes.append(contentsOf: leaf)
      return
    }
    var literal: [UInt8] = []
    var index = leaf.startIndex
    while index < leaf.endIndex {
      guard let escape = piece.delimiters.escape, leaf[index] == escape,
        let sequence = HL7Escapes.sequence(at: index, in: leaf, escape: escape)
      else {
        literal.append(leaf[index])
        index += 1
        continue
      }
      switch sequence.kind {
      case .delimiter(let letter): literal.append(HL7Escapes.character(letter, piece.delimiters))
      case .hex(let digits): HL7Escapes.appendHex(leaf[digits], to: &literal)
      case .formatting:
        try flush(&literal, piece.charset, at: leaf.startIndex, to: &bytes)
        guard let own = delimiters.escape else { throw .text(HL7TextError(.noEscapeCharacter, offset: index)) }
        bytes.append(own)
        bytes.append(contentsOf: leaf[index + 1..<sequence.end - 1])
        bytes.append(own)
      }
      index = sequence.end
    }
    try flush(&literal, piece.charset, at: leaf.startIndex, to: &bytes)
  }

  private func flush(
    _ literal: inout [UInt8], _ source: Charset, at offset: Int, to bytes: inout [UInt8]
  ) throws(HL7EditError.Kind) {
    guard !literal.isEmpty else { return }
    let text: String
    do {
      text = try source.decode(literal[...])
    } catch {
      throw .text(HL7TextError(.characters(error), offset: offset + error.offset))
    }
    try append(text, to: &bytes)
    literal.removeAll(keepingCapacity: true)
  }
}
