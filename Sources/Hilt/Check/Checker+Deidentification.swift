import DICOM
import Messages

// `deidentify(msg, profile: basic, key: "research-2026")`, `pseudonym(PatientID, key: "research-2026")`.

extension Checker {
  mutating func pseudonym(_ call: Call) -> Typed {
    let prefix = call[2].map { literal($0) } ?? ""
    if let prefix, let refusal = Self.refusal([], prefix) {
      return broken(.arguments, "\(refusal)", at: call[2]?.span ?? call.span)
    }
    let value = keyed(call, .text, standsIn: .pseudonym) { .text($0.pseudonym($1, prefix: prefix ?? "")) }
    return prefix == nil ? .broken(call.span) : value
  }

  mutating func uidMap(_ call: Call) -> Typed {
    keyed(call, .text, standsIn: .uid) { .text($0.uid($1)) }
  }

  mutating func shiftDays(_ call: Call) -> Typed {
    keyed(call, .duration) { .duration($0.shiftDays(patient: $1) * 86_400) }
  }

  /// A function of a text and a key.
  private mutating func keyed(
    _ call: Call, _ type: Type, standsIn kind: StandIn.Kind? = nil,
    _ make: @escaping @Sendable (DICOMPseudonyms, String) -> Datum
  ) -> Typed {
    let value = call[0].map { argument(typed($0), .text) } ?? .broken(call.span)
    guard let key = key(call[1]), value.type != .broken else { return .broken(call.span) }
    let (evaluate, span) = (value.evaluate, call.span)
    return Typed(type, mayBeAbsent: value.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      guard case .text(let text) = datum else { return datum }
      try run.step(bytes: text.utf8.count + 256, at: span)
      let made = make(DICOMPseudonyms(hash: try key.hash(run)), text)
      if let kind, case .text(let stand) = made {
        run.standIns.add(StandIn(kind, key: key.name, original: text, text: stand))
      }
      return made
    }
  }

  // MARK: Objects

  mutating func deidentify(_ call: Call) -> Typed {
    let object = call[0].map { typed($0) } ?? .broken(call.span)
    let isKnown = call[1].map { profile($0) } ?? false
    let key = key(call[2])
    let options = call[3].map { self.options($0) } ?? []
    let prefix = call[4].map { literal($0) } ?? ""
    guard case .object(let reference) = object.type else {
      if object.type != .broken { mismatch(object, wanted: "an object of DICOM", help: ["deidentify(msg, …)"]) }
      return .broken(call.span)
    }
    guard isKnown, let key, let options, let prefix else { return .broken(call.span) }
    if let refusal = Self.refusal(options, prefix) {
      let argument = if case .prefix = refusal { call[4] } else { call[3] }
      return broken(.arguments, "\(refusal)", at: argument?.span ?? call.span)
    }
    let number = newObject()
    let (evaluate, span) = (object.evaluate, call.span)
    return Typed(.object(.draft(number)), at: span) { run in
      _ = try evaluate(run)
      let hash = try key.hash(run)
      let rules: DICOMDeidentification
      do throws(DICOMDeidentification.Refusal) {
        rules = try DICOMDeidentification(options: options, prefix: prefix, hash: hash)
      } catch {
        throw Interrupt.failure(Failure(.stopping, "\(error)", at: span))
      }
      return run.begin(object: number, try run.deidentified(reference, rules, key: key.name, at: span))
    }
  }

  private mutating func profile(_ expression: Expression) -> Bool {
    if case .name(let name) = expression.kind, DICOMDeidentification.Profile(rawValue: name) != nil { return true }
    let names = DICOMDeidentification.Profile.allCases.map(\.rawValue)
    problems.report(.arguments, "there is no such profile", at: expression.span, help: names.map { "profile: \($0)" })
    return false
  }

  /// `[clean_descriptors, retain_modified_dates]`; reported, and `nil`, where there is no such option.
  private mutating func options(_ expression: Expression) -> Set<DICOMDeidentification.Option>? {
    guard case .list(let elements) = expression.kind else {
      problems.report(
        .arguments, "options are a list of names, written here", at: expression.span, help: ["[clean_descriptors]"])
      return nil
    }
    let known = DICOMDeidentification.Option.allCases.map(\.rawValue)
    var options: Set<DICOMDeidentification.Option> = []
    var isGood = true
    for element in elements {
      var name = ""
      if case .name(let text) = element.kind { name = text }
      if let option = DICOMDeidentification.Option(rawValue: name) {
        options.insert(option)
        if let why = Self.isWithout(option) {
          problems.report(.arguments, why.message, at: element.span, help: why.help)
          isGood = false
        }
        continue
      }
      isGood = false
      problems.report(
        .arguments, "there is no option '\(source.text(element.span))'", at: element.span,
        help: nearest(name, among: known).map { ["did you mean '\($0)'?"] } ?? known)
    }
    return isGood ? options : nil
  }

  /// Why an option isn't to be had: said where it stands.
  private static func isWithout(_ option: DICOMDeidentification.Option) -> (message: String, help: [String])? {
    if let refusal = refusal([option], "") { return ("\(refusal)", []) }
    guard option == .retainSafePrivate else { return nil }
    return (
      "retain_safe_private would keep nothing: which private elements are safe only you know; keep each by name",
      [#"out.tag(0019,"GEMS_ACQU_01",9C) = msg.tag(0019,"GEMS_ACQU_01",9C)"#]
    )
  }

  private static func refusal(
    _ options: Set<DICOMDeidentification.Option>, _ prefix: String
  ) -> DICOMDeidentification.Refusal? {
    do throws(DICOMDeidentification.Refusal) {
      _ = try DICOMDeidentification(options: options, prefix: prefix) { _ in [] }
      return nil
    } catch {
      return error
    }
  }

  // MARK: Arguments

  /// A text that the program has; reported, and `nil`, where it is none.
  private mutating func literal(_ expression: Expression) -> String? {
    if case .text(let text)? = argument(typed(expression), .literal).constant { return text }
    return nil
  }

  /// What hashes with the key that is named; reported, and `nil`, where there is none of that name.
  private mutating func key(
    _ expression: Expression?
  ) -> (name: String, hash: @Sendable (Run) throws -> DICOMPseudonyms.KeyedHash)? {
    guard let expression, let name = literal(expression) else { return nil }
    let span = expression.span
    guard let key = files.key(name) else {
      let near = nearest(name, among: files.keyNames)
      problems.report(
        .key, "nothing says where the key '\(name)' is" + (near.map { "; did you mean '\($0)'?" } ?? ""), at: span,
        help: ["in the channel: transform: {file: …, keys: {\(name): {file: /run/secrets/\(name)}}}"])
      return nil
    }
    let hash: @Sendable (Run) throws -> DICOMPseudonyms.KeyedHash = { _ in
      do {
        return try key.hash()
      } catch {
        throw Interrupt.failure(Failure(.stopping, .key, "the key '\(name)' can't be used: \(error)", at: span))
      }
    }
    return (name, hash)
  }
}

extension Run {
  /// The object that came, or an output as it is now, without identity; what was done is noted, and nothing of what was
  /// there.
  fileprivate func deidentified(
    _ reference: DataSetReference, _ rules: DICOMDeidentification, key: String, at span: Span
  ) throws -> DICOMDraft {
    let object = try object(at: span)
    // Each element is looked at, and each text searched.
    try step(bytes: object.dataSet.entryCount << 8, at: span)
    let (draft, report): (DICOMDraft, DICOMDeidentificationReport)
    do throws(DICOMError) {
      if let number = reference.draft, let changed = objects[number]?.draft {
        (draft, report) = try rules.apply(to: changed)
      } else {
        (draft, report) = try rules.apply(to: object)
      }
    } catch {
      throw Interrupt.failure(
        Failure(.stopping, .unwritable, "the object can't be de-identified: \(error.reason)", at: span))
    }
    try noteReport(report, at: span)
    standIns.add(report, key: key)
    return draft
  }

  private func noteReport(_ report: DICOMDeidentificationReport, at span: Span) throws {
    let counted = DICOMDeidentificationReport.Outcome.allCases.compactMap { outcome -> String? in
      guard let words = outcome.words else { return nil }
      return report.counts[outcome].map { "\($0) \(words)" }
    }
    try note("de-identified: \(counted.joined(separator: ", "))", at: span)
    if report.burnedIn.isPossible { try note("text in the pixels: \(report.burnedIn)", at: span) }
  }
}

extension DICOMDeidentificationReport.Outcome {
  /// As a story tells it; what was kept is no news.
  fileprivate var words: String? {
    switch self {
    case .kept: nil
    case .cleaned: "looked at and kept"
    case .removed: "removed"
    case .emptied: "emptied"
    case .replaced: "replaced"
    case .mapped: "UIDs given anew"
    case .shifted: "dates shifted"
    case .privateRemoved: "private removed"
    case .unknownRemoved: "unknown removed"
    case .found: "replaced as an identifier stood in them"
    }
  }
}
