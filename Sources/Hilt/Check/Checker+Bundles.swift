import FHIR
import HL7

/// `let b = new Bundle { type: "transaction" }`, `b.upsert(by: …, Patient { … })`, `b.ensure(by: …, Patient { … })`,
/// `b.add(Patient { … })`.
extension Checker {
  /// How a resource gets into a bundle.
  private enum Filling: String, CaseIterable {
    case upsert, ensure, add

    static let names = allCases.map(\.rawValue)
  }

  /// What is known of a bundle that the program makes.
  struct BundleMade {
    /// `transaction`
    var type: String
  }

  /// Types of bundles that programs make; the others are answers.
  private static let bundleTypes = ["transaction", "batch", "collection", "document", "message"]

  mutating func newBundle(_ entries: [Entry], _ span: Span) -> Typed {
    guard let type = FHIRTables.type("Bundle") else { return .broken(span) }
    var made = BundleMade(type: "")
    for entry in entries {
      guard case .name(let name) = entry.key else { continue }
      if name == "entry" {
        problems.report(
          .bundle, "entries come one by one", at: entry.keySpan, help: ["b.upsert(by: …, …)", "b.add(…)"])
      }
      if name == "type", case .text(let parts) = entry.value.kind, parts.count == 1, case .literal(let text) = parts[0]
      {
        made.type = text
      }
    }
    let head = object(type, entries, span)
    if !Self.bundleTypes.contains(made.type) {
      // That there is none, or no code of FHIR, is said already.
      if made.type.isEmpty ? head.type != .broken : type.element("type")?.codes.contains(made.type) == true {
        problems.report(
          .bundle, "the type of a bundle is written: \(Self.either(Self.bundleTypes))", at: span,
          help: ["new Bundle { type: \"transaction\" }"])
      }
      // What is put into it is looked at all the same.
      made.type = "transaction"
    }
    let bundle = layout.bundleCount
    layout.bundleCount += 1
    bundles[bundle] = made
    let evaluate = head.evaluate
    return Typed(.bundle(bundle), at: span) { run in
      guard case .record(let record) = try evaluate(run) else { return .absent }
      run.begin(bundle: bundle, record)
      return .absent
    }
  }

  /// `b.upsert`
  mutating func member(of bundle: Int, _ step: Step, _ span: Span) -> Cursor {
    guard case .member(let name) = step.kind else {
      return brokenCursor(.path, "a bundle is filled and emitted", at: step.span, help: ["b.upsert(by: …, …)"])
    }
    guard Filling.names.contains(name) else {
      let near = nearest(name, among: Filling.names)
      return brokenCursor(
        .path, "a bundle that is made has upsert, ensure and add, and no '\(name)'", at: step.nameSpan,
        help: near.map { ["did you mean '\($0)'?"] } ?? ["b.upsert(by: …, …)", "b.add(…)"])
    }
    return .bundleCall(bundle, Word(text: name, span: step.nameSpan))
  }

  mutating func call(_ word: Word, on bundle: Int, _ arguments: [Expression], _ span: Span) -> Typed {
    guard let made = bundles[bundle], let filling = Filling(rawValue: word.text) else { return .broken(span) }
    let isKnown = filling != .add
    // `by` has a name and stands first, so that it is read before the resource.
    let names = isKnown ? ["resource", "by"] : ["resource"]
    let isNamed = { (value: Expression) in if case .named = value.kind { true } else { false } }
    var plain = arguments.filter { !isNamed($0) }
    if isKnown, arguments.count == 2, plain.count == 2 {
      // The first is read as what it is without its name: which is which could be known from nothing else.
      let text = source.text(plain[0].span)
      problems.report(
        .arguments, "the identifier by which it is found has a name", at: plain[0].span, help: ["by: \(text)"],
        fix: (plain[0].span, "by: \(text)"))
      plain.swapAt(0, 1)
    }
    let matched = matched(
      plain + arguments.filter(isNamed),
      Parameters(names: names, least: names.count, most: names.count),
      isKnown ? "\(filling)(by: …, resource)" : "add(resource)", takes: isKnown ? "2 values" : "1 value", at: span,
      help: [isKnown ? "b.\(filling)(by: identifier(PID-3[1]), Patient { … })" : "b.add(Patient { … })"])
    guard let values = matched?.compactMap(\.self), values.count == names.count else {
      for argument in arguments { _ = typed(argument) }
      return .broken(span)
    }
    let by = isKnown ? typed(values[1], for: Target(kind: .object(FHIRKind(name: "Identifier")), place: "'by'")) : nil
    let resource = typed(values[0], for: Target(kind: .object(FHIRKind(name: FHIRKind.resource)), place: "'resource'"))
    guard by?.type != .broken, case .fhir(let kind) = resource.type else { return .broken(span) }
    guard kind.name != FHIRKind.resource, let type = FHIRTables.type(kind.name) else {
      return broken(.type, "nothing says which resource this is", at: resource.span, help: ["… is Patient"])
    }
    var form = BundleEntryForm(resource: kind.name, asks: ["transaction", "batch"].contains(made.type))
    if isKnown {
      guard let several = takesIdentifiers(type, made, filling, span) else { return .broken(span) }
      form.takesSeveral = several
    }
    let (identify, evaluate, entry) = (by?.evaluate, resource.evaluate, form)
    let reference = FHIRKind(name: FHIRKind.reference, targets: [kind.name])
    return Typed(.fhir(reference), at: span) { run in
      let made = try evaluate(run)
      guard made.isValued else {
        throw Interrupt.failure(Failure(.stopping, .bundle, "there is no resource here to be put in", at: span))
      }
      guard let identify else { return try run.add(made, entry, to: bundle, at: span) }
      let identifier = try identify(run)
      return try run.put(made, by: identifier, entry, overwrites: filling == .upsert, into: bundle, at: span)
    }
  }

  /// Whether a resource that is put in by its identifier may have several; reported, and `nil`, where that can't be.
  private mutating func takesIdentifiers(
    _ type: FHIRType, _ made: BundleMade, _ filling: Filling, _ span: Span
  ) -> Bool? {
    guard made.type == "transaction" else {
      problems.report(
        .bundle, "\(filling) asks the receiver for more than a bundle of type \(made.type) can", at: span,
        help: ["new Bundle { type: \"transaction\" }", "b.add(…)"])
      return nil
    }
    guard let element = type.element("identifier"), element.type == "Identifier" else {
      problems.report(
        .bundle, "\(FHIRKind.shown(type.name)) has no identifier by which it could be found again", at: span,
        help: ["b.add(…)"])
      return nil
    }
    return element.isList
  }

  /// `b.upsert(…)` as a statement, where nobody names what it gives.
  mutating func perform(_ call: Expression) -> Execute {
    let value = typed(call)
    let evaluate = value.evaluate
    guard case .path(_, let steps) = call.kind, steps.count >= 2, case .member(let name) = steps[steps.count - 2].kind,
      Filling.names.contains(name)
    else {
      if value.type != .broken {
        problems.report(
          .syntax, "this is a value and nothing takes it", at: call.span, help: ["let name = …", "emit …"])
      }
      return { _ in }
    }
    return { run in
      let datum = try evaluate(run)
      if run.isTraced { run.record(datum, at: call.span) }
    }
  }
}
