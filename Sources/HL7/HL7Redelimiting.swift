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
    let separators = try Separators(of: piece, at: level, in: delimiters)
    if separators.areKept, piece.delimiters == delimiters, isASCIICompatible(piece),
      !piece.bytes.contains(where: Self.endsSegmentOrFrame)
    {
      bytes.append(contentsOf: piece.bytes)
      return
    }
    var leafStart = piece.bytes.startIndex
    for index in piece.bytes.indices {
      guard let pair = separators.first(from: piece.bytes[index]) else { continue }
      try appendLeaf(piece.bytes[leafStart..<index], of: piece, to: &bytes)
      guard let separator = pair.to else { throw pair.missing }
      bytes.append(separator)
      leafStart = index + 1
    }
    try appendLeaf(piece.bytes[leafStart...], of: piece, to: &bytes)
  }

  /// Which separator of the source becomes which of the target. Three at most, and no array: every copied field asks.
  private struct Separators {
    struct Pair {
      var from: UInt8
      var to: UInt8?
      /// What is wrong where the target has none.
      var missing: HL7EditError.Kind
    }
    private var repetition: Pair?
    private var component: Pair?
    private var subcomponent: Pair?

    init(of piece: HL7Piece, at level: HL7Piece.Level, in target: HL7Delimiters) throws(HL7EditError.Kind) {
      let source = piece.delimiters
      var sourceLevel = piece.level
      if sourceLevel == .field {
        if let from = source.repetition, piece.bytes.contains(from) {
          if level != .field { throw .repeats }
          repetition = Pair(from: from, to: target.repetition, missing: .noSeparator)
        }
        sourceLevel = .repetition
      }
      let targetLevel = level == .field ? .repetition : level
      // What has one component only may stand where a component stands.
      if sourceLevel == .repetition, targetLevel > .repetition, !piece.bytes.contains(source.component) {
        sourceLevel = .component
      }
      // What separates at the target, and how many levels there are: what was a component may become a subcomponent.
      let (first, second, depth): (UInt8?, UInt8?, Int) =
        switch targetLevel {
        case .field, .repetition: (target.component, target.subcomponent, 2)
        case .component: (target.subcomponent, nil, 1)
        case .subcomponent, .delimiters: (nil, nil, 0)
        }
      switch sourceLevel {
      case .field, .repetition:
        component = Pair(from: source.component, to: first, missing: depth > 0 ? .noSeparator : .tooDeep)
        subcomponent = source.subcomponent.map {
          Pair(from: $0, to: second, missing: depth > 1 ? .noSeparator : .tooDeep)
        }
      case .component:
        subcomponent = source.subcomponent.map {
          Pair(from: $0, to: first, missing: depth > 0 ? .noSeparator : .tooDeep)
        }
      case .subcomponent, .delimiters: break
      }
    }

    var areKept: Bool { Self.isKept(repetition) && Self.isKept(component) && Self.isKept(subcomponent) }

    private static func isKept(_ pair: Pair?) -> Bool { pair.map { $0.from == $0.to } ?? true }

    func first(from byte: UInt8) -> Pair? {
      if let repetition, repetition.from == byte { return repetition }
      if let component, component.from == byte { return component }
      if let subcomponent, subcomponent.from == byte { return subcomponent }
      return nil
    }
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
