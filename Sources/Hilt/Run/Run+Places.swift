import HL7

extension HL7Place {
  /// The segment, for a place that names one; `nil` where there is none. One that a name was given to may have been
  /// removed: it is read as it was.
  func segment(_ run: Run) throws -> Int? {
    try run.step(at: span)
    switch segment {
    case .only:
      if within != nil {
        let all = try all(run)
        if all.count > 1 { throw Interrupt.failure(several) }
        return all.first
      }
      guard let first = run.firstSegment(code, in: message) else { return nil }
      guard first.isOnly else { throw Interrupt.failure(several) }
      return first.segment
    case .index(let number):
      guard within != nil else { return run.segment(code, occurrence: number, in: message) }
      let all = try all(run)
      return number <= all.count ? all[number - 1] : nil
    case .last: return try all(run).last
    case .firstWhere(let mark, let holds):
      for segment in try all(run) {
        run.marks[mark] = segment
        if try holds(run) { return segment }
      }
      return nil
    case .mark(let mark):
      let segment = run.marks[mark]
      return run.isKnown(segment, in: message) ? segment : nil
    case .value(let evaluate):
      guard case .number(let number) = try evaluate(run), let segment = number.integer else { return nil }
      return run.isKnown(segment, in: message) ? segment : nil
    case .all, .allWhere: return try segments(run).first
    }
  }

  /// All segments of the place's name: in its group, where it has one. A group that was removed as a whole is read as
  /// it was.
  func all(_ run: Run) throws -> [Int] {
    guard let within else { return run.segments(code, in: message) }
    guard let group = try within(run) else { return [] }
    try run.step(bytes: group.segments.count << 3, at: span)
    let found = group.segments.filter { run.code(of: $0, in: message) == code }
    guard found.isEmpty, run.isGone(group, from: message) else { return found }
    return group.segments.filter { run.knownCode(of: $0, in: message) == code }
  }

  /// What a statement says that would change a segment which is not in the output any more.
  func checkIsThere(_ segment: Int, _ run: Run) throws {
    guard !run.exists(segment, in: message) else { return }
    let happened = segment >= Run.keptMin ? "written over in" : "removed from"
    throw Interrupt.failure(
      Failure(
        .stopping, .unwritable, "this \(code) was \(happened) the output; it can be read still, but not changed",
        at: span, path: path, help: ["out.add \(code) with { … }"]))
  }

  private var several: Failure {
    Failure(
      .stopping, .repeats, "\(code) stands several times in this message; a single one is needed here", at: span,
      path: code.description, help: ["\(code)[1]", "\(code)[where …]", "for x in \(code)[*]"])
  }

  /// The segments, for a place that names several.
  func segments(_ run: Run) throws -> [Int] {
    switch segment {
    case .all:
      let segments = try all(run)
      try run.step(bytes: segments.count << 6, at: span)
      return segments
    case .allWhere(let mark, let holds):
      var found: [Int] = []
      for segment in try all(run) {
        try run.step(at: span)
        run.marks[mark] = segment
        if try holds(run) { found.append(segment) }
      }
      return found
    default: return try segment(run).map { [$0] } ?? []
    }
  }

  /// The field of a segment, all repetitions.
  func wholeField(_ run: Run, _ segment: Int) throws -> HL7Piece {
    let piece = run.field(field ?? 0, of: segment, in: message)
    try run.step(bytes: piece.byteCount, at: span)
    return piece
  }

  /// The number of the repetition that the place names in a field; `nil` where there is none.
  func repetitionNumber(_ run: Run, _ whole: HL7Piece) throws -> Int? {
    switch repetition {
    case .only:
      if whole.repetitionCount > 1 { throw Interrupt.failure(repeats) }
      return 1
    case .index(let number): return number
    case .last: return max(1, whole.repetitionCount)
    case .mark(let mark): return run.marks[mark + 1] > 0 ? run.marks[mark + 1] : nil
    case .firstWhere(let slot, let holds):
      for (index, piece) in whole.repetitions.enumerated() {
        try run.step(at: span)
        run.slots[slot] = Datum(piece)
        if try holds(run) { return index + 1 }
      }
      return nil
    case .all, .allWhere: return nil
    }
  }

  private var repeats: Failure {
    let field = "\(code)-\(field ?? 0)"
    return Failure(
      .stopping, .repeats, "\(field) repeats in this message; a single value is needed here", at: span, path: field,
      help: ["\(field)[1]", "\(field)[where …]", "for x in \(field)[*]"])
  }

  /// What the place holds, for one that names a single place of a field.
  func read(_ run: Run) throws -> Datum {
    guard let segment = try segment(run) else { return .absent }
    return try read(run, segment)
  }

  func read(_ run: Run, _ segment: Int) throws -> Datum {
    let whole = try wholeField(run, segment)
    if whole.isEmpty { return .absent }
    // The commonest place of all: a field that does not repeat, or a part of it.
    if case .only = repetition {
      if whole.level == .field, whole.repetitionCount > 1 { throw Interrupt.failure(repeats) }
      return Datum(whole.piece(at: HL7Position(field ?? 0, component: component, subcomponent: subcomponent)))
    }
    guard let number = try repetitionNumber(run, whole) else { return .absent }
    let position = HL7Position(field ?? 0, repetition: number, component: component, subcomponent: subcomponent)
    return Datum(whole.piece(at: position))
  }

  /// The repetitions, for a place that names several.
  func readAll(_ run: Run, _ segment: Int) throws -> [Datum] {
    let whole = try wholeField(run, segment)
    switch repetition {
    case .all:
      let pieces = whole.repetitions
      try run.step(bytes: pieces.count << 6, at: span)
      return pieces.map { Datum(part($0)) }
    case .allWhere(let slot, let holds):
      var found: [Datum] = []
      for piece in whole.repetitions {
        try run.step(at: span)
        run.slots[slot] = Datum(piece)
        if try holds(run) { found.append(Datum(part(piece))) }
      }
      return found
    default: return [try read(run, segment)]
    }
  }

  private func part(_ piece: HL7Piece) -> HL7Piece {
    guard let component else { return piece }
    let part = piece.component(component)
    guard let subcomponent else { return part }
    return part.subcomponent(subcomponent)
  }

  /// Whether there is anything: of a field without selector, any of its repetitions, of a segment any of its name.
  func presence(_ run: Run) throws -> HL7Piece.Presence {
    if field == nil, case .only = self.segment {
      try run.step(at: span)
      return try all(run).isEmpty ? .absent : .valued
    }
    guard let segment = try segment(run) else { return .absent }
    guard field != nil else { return .valued }
    if case .only = repetition, component == nil { return try wholeField(run, segment).presence }
    switch try read(run, segment) {
    case .absent: return .absent
    case .null: return .null
    default: return .valued
    }
  }
}
