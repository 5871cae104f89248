extension HL7Draft {
  /// Writes to a position of a segment. Separators that are missing on the way are added; nothing that was there is
  /// trimmed. A position without a repetition but with a component means the first repetition.
  ///
  /// Writing MSH-18 changes the draft's character set: what was in it is recoded, and what is written from then on is
  /// in the new set.
  ///
  /// - Returns: how many bytes the field had before.
  /// - Throws: a place that can't be written, or text that the draft's character set lacks. Then nothing has changed.
  @discardableResult
  package mutating func set(
    _ content: HL7Content, at position: HL7Position, of segment: Int
  ) throws(HL7EditError) -> Int {
    do {
      guard segment == 0, position.field == 18 else {
        own()
        return try self.content.write(content, position, segment)
      }
      var draft = self
      draft.own()
      let byteCount = try draft.content.write(content, position, segment)
      try draft.followDeclaredCharset(position)
      self = draft
      return byteCount
    } catch let kind as HL7EditError.Kind {
      throw HL7EditError(kind, segment: code(of: segment), position: position)
    } catch {
      throw error as? HL7EditError ?? HL7EditError(.characterSet, segment: .msh, position: position)
    }
  }

  /// Writes to a path whose segment exists.
  package mutating func set(_ content: HL7Content, at path: HL7Path) throws(HL7EditError) {
    guard let segment = segment(path.segment, occurrence: path.occurrence) else {
      throw HL7EditError(.noSegment, segment: path.segment, position: path.position)
    }
    try set(content, at: path.position, of: segment)
  }

  /// Takes one repetition away; those behind it move up. Does nothing where there is no such repetition.
  package mutating func removeRepetition(
    _ number: Int, ofField field: Int, of segment: Int
  ) throws(HL7EditError) {
    let position = HL7Position(field, repetition: number)
    do {
      try content.check(position, segment)
    } catch {
      throw HL7EditError(error, segment: code(of: segment), position: position)
    }
    let piece = self.field(field, of: segment)
    let part = HL7Stretch(of: number, separator: delimiters.repetition, in: piece.bytes, piece.bytes.indices)
    guard part.missing == 0, !piece.isEmpty else { return }
    // The separator before goes with it, or the one behind where it is the first.
    var range = part.range
    if range.lowerBound > piece.bytes.startIndex {
      range = range.lowerBound - 1..<range.upperBound
    } else if range.upperBound < piece.bytes.endIndex {
      range = range.lowerBound..<range.upperBound + 1
    }
    own()
    let start = content.written.count
    content.written.append(contentsOf: piece.bytes[..<range.lowerBound])
    content.written.append(contentsOf: piece.bytes[range.upperBound...])
    content.keep(start, asField: field, of: segment)
  }

  /// Adds a copy of a segment of any message behind a segment, or at the end where `after` is `nil`.
  ///
  /// - Returns: the id of the new segment.
  @discardableResult
  package mutating func insertSegment(
    copying source: Int, of message: some HL7Reading, after segment: Int? = nil
  ) throws(HL7EditError) -> Int {
    guard let code = message.code(of: source) else { throw HL7EditError(.noSegment) }
    var draft = self
    let id = try draft.insertSegment(code, after: segment)
    for number in 1...max(1, message.fieldCount(of: source)) {
      let piece = message.field(number, of: source)
      if !piece.isEmpty { try draft.set(.piece(piece), at: HL7Position(number), of: id) }
    }
    self = draft
    return id
  }

  private mutating func followDeclaredCharset(_ position: HL7Position) throws(HL7EditError) {
    let field = field(18, of: 0)
    guard field.leaf.presence == .valued else { return }
    guard let declared = try? field.leaf.text(), let charset = HL7CharacterSet.charset(declared: declared) else {
      throw HL7EditError(.characterSet, segment: .msh, position: position)
    }
    if charset != self.charset { try recode(to: charset) }
  }
}

extension HL7DraftContent {
  fileprivate func check(_ position: HL7Position, _ segment: Int) throws(HL7EditError.Kind) {
    guard exists(segment) else { throw .noSegment }
    if segment == 0, position.field <= 2 { throw .fixedHeader }
    guard (1...HL7Draft.fieldNumberMax).contains(position.field),
      (1...HL7Draft.repetitionNumberMax).contains(position.repetition ?? 1),
      (1...HL7Draft.componentNumberMax).contains(position.component ?? 1),
      (1...HL7Draft.componentNumberMax).contains(position.subcomponent ?? 1)
    else { throw .outOfRange }
  }

  /// Writes to a position, for the draft that owns this alone.
  ///
  /// - Returns: how many bytes the field had before.
  fileprivate func write(
    _ content: HL7Content, _ position: HL7Position, _ segment: Int
  ) throws(HL7EditError.Kind) -> Int {
    try check(position, segment)
    let present = place(ofField: position.field, segment)
    if written.isEmpty { written.reserveCapacity(256) }
    let start = written.count
    var isKept = false
    defer { if !isKept { written.removeSubrange(start...) } }
    if position.repetition == nil, position.component == nil, position.subcomponent == nil {
      let encoder = HL7Encoder(delimiters: base.delimiters, charset: charset)
      try encoder.append(content, at: .field, to: &written)
      isKept = written.count > start || !present.range.isEmpty
    } else {
      isKept = try append(content, position, within: bytes(at: present), to: &written)
    }
    if isKept { keep(start, asField: position.field, of: segment) }
    return present.range.count
  }

  /// Appends a field with one part of it changed.
  ///
  /// - Returns: `false` where the part isn't there and nothing would stand in it.
  private func append(
    _ content: HL7Content, _ position: HL7Position, within current: ArraySlice<UInt8>, to bytes: inout [UInt8]
  ) throws(HL7EditError.Kind) -> Bool {
    let delimiters = base.delimiters
    let encoder = HL7Encoder(delimiters: base.delimiters, charset: charset)
    let repetition = HL7Stretch(
      of: position.repetition ?? 1, separator: delimiters.repetition, in: current, current.indices)
    var component = HL7Stretch.whole(repetition.range)
    var subcomponent = component
    var level = HL7Piece.Level.repetition
    if position.component != nil || position.subcomponent != nil {
      component = HL7Stretch(
        of: position.component ?? 1, separator: delimiters.component, in: current, repetition.range)
      subcomponent = HL7Stretch.whole(component.range)
      level = .component
    }
    if let number = position.subcomponent {
      subcomponent = HL7Stretch(of: number, separator: delimiters.subcomponent, in: current, component.range)
      level = .subcomponent
    }
    bytes.append(contentsOf: current[..<subcomponent.range.lowerBound])
    try Self.append(delimiters.repetition, times: repetition.missing, to: &bytes)
    try Self.append(delimiters.component, times: component.missing, to: &bytes)
    try Self.append(delimiters.subcomponent, times: subcomponent.missing, to: &bytes)
    let contentStart = bytes.count
    try encoder.append(content, at: level, to: &bytes)
    let isMissing = repetition.missing + component.missing + subcomponent.missing > 0
    if isMissing, bytes.count == contentStart { return false }
    bytes.append(contentsOf: current[subcomponent.range.upperBound...])
    return true
  }

  private static func append(
    _ separator: UInt8?, times: Int, to bytes: inout [UInt8]
  ) throws(HL7EditError.Kind) {
    guard times > 0 else { return }
    guard let separator else { throw .noSeparator }
    for _ in 0..<times { bytes.append(separator) }
  }
}
