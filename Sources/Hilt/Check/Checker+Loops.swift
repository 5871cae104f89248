import HL7

extension Checker {
  /// A loop's list, and how its variable is set for one element.
  struct Walk: Sendable {
    var list: Evaluate
    var set: Binding
    /// Whether an element is in the output now; `nil` where nothing can be removed.
    var isThere: (@Sendable (Run, Datum) -> Bool)?
    var condition: Holds?
    /// Where the number of the turn is kept.
    var number: Int?
    var valued: Set<String>
    var span: Span
  }

  /// Compiles the head of a loop over values and declares its name. The caller has opened a block.
  mutating func walk(_ head: LoopHead) -> Walk? {
    walk(head, over: typed(head.list))
  }

  mutating func walk(_ head: LoopHead, over list: Typed) -> Walk? {
    guard case .list(let element) = list.type else {
      var help: [String] = []
      let isComposite = if case .composite = list.type { true } else { false }
      if list.type.isTextual || isComposite { help = list.path.map { ["\($0)[*]"] } ?? ["[*]"] }
      if case .segment(_, let code) = list.type { help = ["\(code)[*]"] }
      if case .json = list.type { help = ["\(source.text(list.span))[*]"] }
      if case .element = list.type { help = ["find_all(…, \"…\")"] }
      mismatch(list, wanted: "a list", help: help)
      for name in [head.name, head.number].compactMap(\.self) {
        declare(name, .broken)
        scope.use(name.text)
      }
      return nil
    }
    var one = list
    one.mayBeAbsent = element.isTextual
    var walk = Walk(
      list: list.evaluate, set: bind(head.name, to: element, one), isThere: nil, condition: nil, number: nil,
      valued: [], span: list.span)
    // What is removed from the output while the loop goes on has no turn.
    if case .segment(let message, _) = element, message.isDraft {
      walk.isThere = { $0.exists($1.segmentID, in: message) }
    }
    if case .dataSet(.draft) = element {
      walk.isThere = { run, datum in
        if case .dataSet(let item) = datum { run.steps(of: item) != nil } else { false }
      }
    }
    if case .group(let type) = element, type.message.isDraft {
      walk.isThere = { run, datum in
        guard case .group(let group) = datum else { return false }
        return !run.isGone(group, from: type.message)
      }
    }
    if let condition = head.condition {
      let before = decidesOutcome
      decidesOutcome = false
      let test = self.condition(condition)
      decidesOutcome = before
      walk.condition = test.holds
      walk.valued = test.valuedIfTrue
    }
    walk.number = number(head)
    return walk
  }

  /// Declares the name of the turn's number, where there is one, and says where it is kept.
  mutating func number(_ head: LoopHead) -> Int? {
    guard let name = head.number else { return nil }
    let slot = newSlot()
    declare(name, .value(slot: slot, .number, mayBeAbsent: false, path: nil))
    return slot
  }

  /// `for id in PID-3[*] where … => …`
  mutating func each(
    _ head: LoopHead, _ body: Expression, _ span: Span, for target: Target? = nil
  ) -> Typed {
    scope.open()
    loopDepth += 1
    defer {
      scope.close()
      loopDepth -= 1
    }
    let walk = walk(head)
    let value = knowing(walk?.valued ?? []) { $0.typed(body, for: target) }
    guard let walk, value.type != .broken else { return .broken(span) }
    switch value.type {
    case .message, .bundle, .object:
      mismatch(value, wanted: "a value")
      return .broken(span)
    default: break
    }
    let evaluate = value.evaluate
    return Typed(.list(value.type == .never ? .nothing : value.type), at: span, path: value.path) { run in
      var results: [Datum] = []
      try walk.turns(run) { run in
        do { results.append(try evaluate(run)) } catch Interrupt.skipped {}
        return true
      }
      return .list(results)
    }
  }

  /// `any x in list where …`
  mutating func quantifier(_ word: Word, _ head: LoopHead, _ span: Span) -> Typed {
    guard let kind = Quantifier(rawValue: word.text) else {
      let known = Quantifier.allCases.map(\.rawValue)
      return broken(
        .unknownFunction, "'\(word.text)' does not search a list", at: word.span,
        help: nearest(word.text, among: known).map { ["did you mean '\($0)'?"] } ?? known,
        meant: surelyMeant(word.text, among: known))
    }
    scope.open()
    defer { scope.close() }
    guard head.condition != nil || kind == .count || kind == .first || kind == .last else {
      return broken(.syntax, "'\(word.text)' needs a condition", at: span, help: ["\(word.text) x in list where …"])
    }
    guard let walk = walk(head), let variable = scope.find(head.name.text) else { return .broken(span) }
    scope.use(head.name.text)
    switch kind {
    case .any, .all, .none:
      return Typed(.boolean, at: span) { run in
        var answer = kind != .any
        // Whether one that fits, or one that doesn't, decides.
        let decides = kind != .all
        try walk.walk(run) { _, fits in
          if fits == decides { answer.toggle() }
          return fits != decides
        }
        return .boolean(answer)
      }
    case .count:
      return Typed(.number, at: span) { run in
        var count = 0
        try walk.walk(run) { _, fits in
          if fits { count += 1 }
          return true
        }
        return .number(Decimal(count))
      }
    case .first, .last:
      let type: Type =
        switch variable.kind {
        case .value(_, let type, _, _): type
        case .segment(_, let message, let code): .segment(message, code)
        case .group(_, let type): .group(type)
        default: .nothing
        }
      return Typed(type, mayBeAbsent: true, at: span) { run in
        var found = Datum.absent
        try walk.walk(run) { datum, fits in
          if fits { found = datum }
          return !fits || kind == .last
        }
        return found
      }
    }
  }

  enum Quantifier: String, CaseIterable { case any, all, none, count, first, last }
}

extension Checker.Walk {
  /// Goes over all elements. The body gets each with whether it fits the condition, and says whether to go on.
  func walk(_ run: Run, _ body: (Datum, Bool) throws -> Bool) throws {
    guard case .list(let values) = try list(run) else { return }
    var turn = 0
    // What was kept in a list and removed before the loop is still read.
    let wereThere = isThere.map { isThere in values.map { isThere(run, $0) } }
    for (index, value) in values.enumerated() {
      try run.step(at: span)
      set.set(value, run)
      if let isThere, let wereThere, wereThere[index], !isThere(run, value) { continue }
      let fits = try condition?(run) ?? true
      if fits, let number {
        turn += 1
        run.slots[number] = .number(Decimal(turn))
      }
      guard try body(value, fits) else { return }
    }
  }

  /// Goes over the elements that fit.
  func turns(_ run: Run, _ body: (Run) throws -> Bool) throws {
    try walk(run) { _, fits in fits ? try body(run) : true }
  }
}
