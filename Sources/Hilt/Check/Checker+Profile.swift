import HL7
import Messages
import Text

extension Checker {
  /// Reads the profile that a transform names. What is wrong in its file is shown there.
  mutating func readProfile(_ clause: TextLiteral?) {
    guard let clause else { return }
    let bytes: [UInt8]
    do {
      bytes = try files.read(clause.text)
    } catch {
      problems.report(.profile, "the profile '\(clause.text)' can't be read: \(error)", at: clause.span)
      return
    }
    reached.append(HiltReachedFile(path: clause.text, bytes: bytes))
    let shown = RelativePath.joined(RelativePath.folder(of: source.file), clause.text)
    let reading = files.profile(bytes, file: shown)
    for problem in reading.problems { problems.add(problem) }
    profile = reading.profile
    layout.structures = profile?.structures ?? [:]
  }

  /// A field as the profile has it; `nil` where it says nothing of it.
  func profileField(_ number: Int, of code: HL7SegmentCode, in versions: HL7Versions) -> Kind? {
    guard let part = profile?.segments[code]?.fields[number] else { return nil }
    let standard = HL7Tables.segment(code).map { Kind($0.part(number, in: versions), in: versions) }
    return kind(part, standard, in: versions)
  }

  /// A component as the profile has it.
  func profileComponent(_ number: Int, of kind: Kind) -> Kind? {
    for (type, versions) in kind.types {
      guard let part = profile?.types[type]?[number] else { continue }
      return self.kind(part, kind.component(number), in: versions)
    }
    return nil
  }

  private func kind(_ part: HiltProfile.Part, _ standard: Kind?, in versions: HL7Versions) -> Kind {
    var kind = Kind()
    kind.types = [part.type: versions.isEmpty ? .all : versions]
    kind.repeats = part.repeats ?? standard?.repeats ?? false
    return kind
  }

  /// Whether a segment of the site's own may be used: where there is a profile, it names them all. Reported where not.
  mutating func checkLocal(_ code: HL7SegmentCode, at span: Span) -> Bool {
    guard let profile, profile.segments[code] == nil else { return true }
    let names = profile.segments.keys.map(\.description).sorted()
    problems.report(
      .notInStandard, "the profile '\(profile.name)' has no segment \(code)", at: span,
      help: nearest("\(code)", among: names).map { ["did you mean '\($0)'?"] } ?? names)
    return false
  }

  /// A field of a segment of the site's own; reported, and `nil`, where the profile has none.
  mutating func localField(_ number: Int, of code: HL7SegmentCode, at span: Span) -> Kind? {
    guard let segment = profile?.segments[code], !segment.fields.isEmpty else { return .unknown }
    if let kind = profileField(number, of: code, in: .all) { return kind }
    let numbers = segment.fields.keys.sorted()
    problems.report(
      .notInStandard, "\(code) has no field \(number) in the profile '\(profile?.name ?? "")'", at: span,
      label: "its fields are \(numbers.map(String.init).joined(separator: ", "))")
    return nil
  }

  /// Where a segment goes that an output lacks.
  func placement(of code: HL7SegmentCode, in message: MessageReference, _ within: FindGroup?) -> Placement {
    guard let after = profile?.segments[code]?.after else { return .structure }
    let place = HL7Place(message: message, code: after, within: within, span: Span(0, 0))
    return .after { run in try place.all(run).last }
  }
}
