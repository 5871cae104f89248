import HL7

/// Which places the standard has, in the versions that a program reads and writes.
extension Checker {
  /// What the input is, for the checker; a program without versions takes all of them. So does a library, which is
  /// written for all versions: what the message's own doesn't have is absent in it.
  func versions(of message: MessageReference) -> HL7Versions {
    if module != 0 { return .all }
    return switch message {
    case .input: inputVersions ?? .all
    case .original, .sent: .all
    // A copy still holds what the input held.
    case .draft: (inputVersions ?? .all).union(outputVersions ?? .all)
    }
  }

  /// What is missing in some versions of a range is said of inputs with a range of their own.
  private func wantsWarning(_ message: MessageReference) -> Bool {
    if case .input = message { return module == 0 && inputVersions != nil }
    return false
  }

  /// Whether there is such a segment; reported where not.
  mutating func checkSegment(_ code: HL7SegmentCode, of message: MessageReference, at span: Span) -> Bool {
    checkSegment(code, in: versions(of: message), warns: wantsWarning(message), at: span)
  }

  private mutating func checkSegment(
    _ code: HL7SegmentCode, in versions: HL7Versions, warns: Bool, at span: Span
  ) -> Bool {
    if code.isLocal { return checkLocal(code, at: span) }
    guard let segment = HL7Tables.segment(code) else {
      let near = problems.isOpen ? nearest("\(code)", among: HL7Tables.segmentNames) : nil
      problems.report(
        .notInStandard, "HL7 has no segment \(code)", at: span,
        help: near.map { ["did you mean '\($0)'?"] } ?? ["Z-segments are a site's own: Z…"])
      return false
    }
    let known = segment.versions
    guard !known.isDisjoint(with: versions) else {
      problems.report(
        .notInStandard, "HL7 \(versions) has no segment \(code)", at: span, label: Self.elsewhere(known, versions))
      return false
    }
    warnOfPart("\(code)", known, versions, warns, span)
    return true
  }

  /// The kind of a field; reported, and `nil`, where there is no such field.
  mutating func field(_ number: Int, of place: HL7Place, at span: Span) -> Kind? {
    field(number, of: place.code, in: versions(of: place.message), warns: wantsWarning(place.message), at: span)
  }

  private mutating func field(
    _ number: Int, of code: HL7SegmentCode, in versions: HL7Versions, warns: Bool, at span: Span
  ) -> Kind? {
    guard !code.isLocal, let segment = HL7Tables.segment(code) else { return localField(number, of: code, at: span) }
    if let own = profileField(number, of: code, in: versions) { return own }
    let present = versions.intersection(segment.versions)
    let kind = Kind(segment.part(number, in: present), in: present)
    if kind.types.isEmpty {
      var label = "its last field is \(code)-\(segment.lastNumber(in: present))"
      let known = segment.part(number).reduce(into: HL7Versions()) { $0.formUnion($1.versions) }
      if !known.isEmpty { label += "; \(code)-\(number) \(Self.elsewhere(known, versions))" }
      problems.report(.notInStandard, "\(code) has no field \(number) in HL7 \(versions)", at: span, label: label)
      return nil
    }
    warnOfPart("\(code)-\(number)", kind.versions, present, warns, span)
    return kind
  }

  /// The kind of a component or subcomponent of what `path` names; reported, and `nil`, where there is none.
  mutating func component(_ number: Int, of kind: Kind, _ path: String, warns: Bool, at span: Span) -> Kind? {
    if let own = profileComponent(number, of: kind) { return own }
    let inner = kind.component(number)
    guard inner.types.isEmpty, !kind.isOpen else {
      if !kind.isOpen { warnOfPart("\(path).\(number)", inner.versions, kind.versions, warns, span) }
      return inner
    }
    let composites = kind.types.compactMap { type, versions in
      HL7Tables.type(type).map { "\(type) has components 1 to \($0.lastNumber(in: versions))" }
    }
    let why = path == kind.name ? "" : ": its type is \(kind.name)"
    problems.report(
      .notInStandard, "\(path) has no component \(number)\(why)", at: span,
      label: composites.isEmpty
        ? "\(kind.name) has no components" : composites.sorted().joined(separator: ", "))
    return nil
  }

  mutating func component(_ number: Int, of place: HL7Place, at span: Span) -> Kind? {
    component(number, of: place.kind, place.path, warns: wantsWarning(place.message), at: span)
  }

  /// A composite data type as the output's versions have it; reported, and `nil`, where they don't.
  mutating func dataType(_ type: Word) -> Kind? {
    guard let composite = HL7Tables.type(type.text) else { return .unknown }
    let versions = outputVersions ?? .all
    let present = composite.versions.intersection(versions)
    guard !present.isEmpty else {
      problems.report(
        .notInStandard, "HL7 \(versions) has no data type \(type.text)", at: type.span,
        label: Self.elsewhere(composite.versions, versions))
      return nil
    }
    var kind = Kind()
    kind.types = [type.text: present]
    return kind
  }

  /// Whether the output's version has a place that is written; reported where not.
  mutating func checkOutput(_ place: HL7Place) -> Bool {
    let versions = outputVersions ?? .all
    guard checkSegment(place.code, in: versions, warns: false, at: place.span) else { return false }
    guard let number = place.field else { return true }
    guard var kind = field(number, of: place.code, in: versions, warns: false, at: place.span) else { return false }
    var path = "\(place.code)-\(number)"
    for number in [place.component, place.subcomponent].compactMap(\.self) {
      guard let inner = component(number, of: kind, path, warns: false, at: place.span) else { return false }
      path += ".\(number)"
      kind = inner
    }
    return true
  }

  /// W201: in some versions of the range it is always absent.
  private mutating func warnOfPart(
    _ path: String, _ known: HL7Versions, _ versions: HL7Versions, _ warns: Bool, _ span: Span
  ) {
    guard warns, !versions.isSubset(of: known) else { return }
    problems.report(
      .partOfVersions, "\(path) is not in all of HL7 \(versions)", at: span,
      label: Self.elsewhere(known, versions.subtracting(known)))
  }

  /// Where something is that the versions asked for don't have: `exists from 2.7`.
  static func elsewhere(_ known: HL7Versions, _ versions: HL7Versions) -> String {
    if known.isAfter(versions) { return "exists from \(known.first ?? "") on" }
    if versions.isAfter(known) { return "exists up to \(known.last ?? "")" }
    return "exists in \(known)"
  }

  // MARK: One value of it

  /// E120: a field that may stand there several times is taken for one value.
  ///
  /// - Parameters:
  ///   - written: the field, as the program has it.
  ///   - part: the component behind it.
  ///   - kind: what is known of the field.
  mutating func reportRepeats(_ written: String, _ part: String = "", _ kind: Kind? = nil, at span: Span) {
    // A name stands for what was read where it was given: there one has to be chosen.
    if case .value(_, _, _, let path)? = scope.find(written)?.kind {
      problems.report(
        .repeats, "\(written) repeats; a single value is needed here", at: span,
        help: path.map { ["let \(written) = \($0)[1]", "for x in \($0)[*]"] } ?? ["the call gives one value: PID-3[1]"])
      return
    }
    problems.report(
      .repeats, "\(written) repeats; a single value is needed here", at: span,
      label: kind.flatMap { $0.repeatsInPart ? "it repeats in HL7 \($0.repeating)" : nil },
      help: ["\(written)[1]\(part)", "\(written)[where …]\(part)", "for x in \(written)[*]"])
  }

  /// Whether content can be read as one text; reported where not.
  mutating func checkText(_ value: Typed, _ kind: Kind) -> Bool {
    let path = source.text(value.span)
    if kind.repeats {
      reportRepeats(path, "", kind, at: value.span)
      return false
    }
    guard kind.isComposite else { return true }
    let composites = kind.types.keys.sorted().compactMap { HL7Tables.type($0) }
    let help = (1...3).compactMap { number in
      composites.first?.part(number).last.map { "\(path).\(number) (\($0.name))" }
    }
    let names = composites.map(\.name).joined(separator: " or ")
    problems.report(
      .composite, "\(path) is \(names), which has several components; a text is needed here", at: value.span,
      help: help)
    return false
  }
}
