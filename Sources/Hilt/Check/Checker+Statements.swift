import HL7
import Messages

extension Checker {
  /// Checks and compiles a block's statements in a scope of their own.
  mutating func execute(_ block: Block, knowing more: Set<String> = []) -> (Execute, Flow) {
    self.block(knowing: more) { $0.execute($0.statements(block.statements)) }
  }

  private func execute(_ compiled: ([Executable], Flow)) -> (Execute, Flow) {
    let statements = compiled.0
    if statements.count == 1 { return (statements[0].execute, compiled.1) }
    return ({ run in for statement in statements { try statement.execute(run) } }, compiled.1)
  }

  /// Statements in the scope at hand, and where their paths lead.
  mutating func statements(_ statements: [Statement]) -> ([Executable], Flow) {
    var executes: [Executable] = []
    var flow = Flow.nothing
    var wasReached = true
    for statement in statements {
      if !flow.completes, wasReached {
        wasReached = false
        problems.report(
          .neverReached, "this is never reached", at: statement.span, label: "every path has ended before")
      }
      let number = statementSpans.count
      statementSpans.append(statement.head)
      scope.forgetReads()
      let (execute, next) = handlingFailures { $0.statement(statement) }
      let span = statement.head
      executes.append(
        Executable { run in
          try run.step(at: span)
          if run.observed != nil { run.observed?.statements.insert(number) }
          try execute(run)
        })
      flow = Flow.sequence(flow, next)
    }
    return (executes, flow)
  }

  private mutating func statement(_ statement: Statement) -> (Execute, Flow) {
    switch statement.kind {
    case .bind(let name, let value): return (bind(name, value), .nothing)
    case .variable(let name, let type): return (variable(name, type), .nothing)
    case .assign(let place, let value): return (assign(place, value), .nothing)
    case .append(let place, let value): return (append(place, value), .nothing)
    case .add(let addition): return (add(addition), .nothing)
    case .call(let call): return (perform(call), .nothing)
    case .number(let place): return (renumber(place), .nothing)
    case .remove(let place): return (remove(place), .nothing)
    case .branch(let branches, let otherwise): return branch(branches, otherwise)
    case .match(let subject, let arms): return match(subject, arms, statement.head)
    case .loop(let head, let body, let none): return loop(head, body, none, statement.head)
    case .when(let condition, let decision): return when(condition, decision, negated: false)
    case .require(let condition, let decision): return when(condition, decision, negated: true)
    case .emit(let value, let destinations, let meta): return emit(value, destinations, meta, statement.span)
    case .note(let text): return (note(text, statement.span), .nothing)
    case .decide(let decision): return (self.decision(decision, isStatement: true), .none)
    }
  }

  /// `let name = value`
  private mutating func bind(_ name: Word, _ expression: Expression) -> Execute {
    let value = typed(expression)
    let evaluate = value.evaluate
    let span = name.span
    switch value.type {
    case .broken:
      declare(name, .broken)
      scope.use(name.text)
      return { _ in }
    case .message(let message) where expression.makesMessage:
      declare(name, .message(message))
      if case .draft(let draft) = message { copies[draft]?.name = name.text }
      return { run in _ = try evaluate(run) }
    case .segment, .group:
      let bind = bind(name, to: value.type, value)
      if case .segment(.draft(let draft), _) = value.type {
        layout.names[draft, default: SegmentNames()].marks.append(layout.markCount - 1)
      }
      if expression.addsSegment { freshMarks.insert(layout.markCount - 1) }
      return { run in bind.set(try evaluate(run), run) }
    case .bundle(let bundle):
      declare(name, .bundle(bundle))
      return { run in _ = try evaluate(run) }
    case .object(let reference):
      guard case .name = expression.kind else {
        guard let draft = reference.draft else { break }
        declare(name, .object(draft))
        return { run in _ = try evaluate(run) }
      }
      problems.report(
        .readOnly, "an object is copied before it is named", at: value.span,
        help: ["copy \(source.text(value.span))"])
      declare(name, .broken)
      return { _ in }
    case .never:
      problems.report(.type, "a decision is no value to be named", at: value.span)
      declare(name, .broken)
      return { _ in }
    default: break
    }
    if case .message = value.type {
      problems.report(.readOnly, "a message is copied before it is named", at: value.span, help: ["copy msg"])
      declare(name, .broken)
      return { _ in }
    }
    if let constant = value.constant, value.type != .nothing {
      declare(name, .constant(constant, value.type))
      return { run in if run.isTraced { run.record(constant, at: span) } }
    }
    let slot = newSlot()
    if isOpenChoice(expression) { openSlots.insert(slot) }
    if let draft = value.type.draft { layout.names[draft, default: SegmentNames()].slots.append(slot) }
    declare(name, .value(slot: slot, value.type, mayBeAbsent: value.mayBeAbsent, path: value.path))
    return { run in
      let datum = try evaluate(run)
      run.slots[slot] = datum
      if run.isTraced { run.record(datum, at: span) }
    }
  }

  /// `var results: list of text`
  private mutating func variable(_ name: Word, _ type: TypeClause) -> Execute {
    guard let declared = declaredType(type), case .list(let element) = declared else {
      if !type.isList {
        problems.report(
          .type, "what a program adds to is a list", at: type.span,
          help: ["list of \(type.name.text)", "let \(name.text) = …"])
      }
      declare(name, .broken)
      scope.use(name.text)
      return { _ in }
    }
    let slot = newSlot()
    declare(name, .list(slot: slot, element))
    return { $0.slots[slot] = .list([]) }
  }

  private mutating func note(_ text: Expression, _ span: Span) -> Execute {
    let reason = reason(text)
    return { run in
      let text = try reason(run)
      try run.note(text, at: span)
      if run.isTraced { run.record(.text(text), at: span) }
    }
  }

  private mutating func branch(
    _ branches: [(condition: Expression, block: Block)], _ otherwise: Block?
  ) -> (Execute, Flow) {
    var tests: [(holds: Holds, span: Span, body: Execute)] = []
    var flow = Flow.none
    let before = facts
    for branch in branches {
      let test = condition(branch.condition)
      let (body, inner) = execute(branch.block, knowing: test.valuedIfTrue)
      tests.append((test.holds, branch.condition.span, body))
      flow = Flow.either(flow, inner)
      learn(test.valuedIfFalse)
    }
    let rest = otherwise.map { execute($0) }
    flow = Flow.either(flow, rest?.1 ?? .nothing)
    facts = before
    let (choices, last) = (tests, rest?.0)
    return (
      { run in
        for choice in choices {
          let holds = try choice.holds(run)
          if run.isTraced { run.record(.boolean(holds), at: choice.span) }
          if holds { return try choice.body(run) }
        }
        try last?(run)
      }, flow
    )
  }

  /// `when … => decision` and `require … else decision`
  private mutating func when(_ condition: Expression, _ decision: Decision, negated: Bool) -> (Execute, Flow) {
    decidesOutcome = true
    let test = self.condition(condition)
    decidesOutcome = false
    let decided = knowing(negated ? test.valuedIfFalse : test.valuedIfTrue) {
      $0.decision(decision, isStatement: true)
    }
    // What follows is reached only where the decision was not taken.
    learn(negated ? test.valuedIfTrue : test.valuedIfFalse)
    let (holds, span) = (test.holds, condition.span)
    return (
      { run in
        let result = try holds(run)
        if run.isTraced { run.record(.boolean(result), at: span) }
        if result != negated { try decided(run) }
      }, .nothing
    )
  }

  // MARK: Loops

  private mutating func loop(_ head: LoopHead, _ body: Block, _ none: Decision?, _ span: Span) -> (Execute, Flow) {
    let cursor = cursor(head.list)
    scope.open()
    let before = (facts, walked, addedInLoops, walkedFlat)
    loopDepth += 1
    if case .place(let place) = cursor, case .input = place.message, place.field == nil, place.within == nil,
      place.segment.isMany
    {
      walkedFlat.append(place.code)
    }
    let walk: Turns?
    if case .place(let place) = cursor, case .draft(let draft) = place.message, let field = place.field,
      place.repetition.isMany, !place.segment.isMany, place.component == nil
    {
      walked.append(.repetitions(draft: draft, place.code, field: field))
      walk = repetitions(head, place, draft, field)
    } else {
      if case .name(let name) = head.list.kind, case .list(let slot, _)? = scope.find(name)?.kind {
        walked.append(.list(slot: slot))
      }
      walk = self.walk(head, over: value(cursor, head.list)).map(Turns.init)
    }
    let (execute, inner) = self.execute(body, knowing: walk?.valued ?? [])
    loopDepth -= 1
    (facts, walked, addedInLoops, walkedFlat) = before
    scope.close()
    let decided = none.map { decision($0) }
    var flow = Flow(completes: true, emits: false, mayEmit: inner.mayEmit)
    if decided != nil { flow.emits = inner.emits && inner.mayEmit }
    guard let walk else { return ({ _ in }, flow) }
    return (
      { run in
        var completed = 0
        let depth = run.turns.count
        var turn = 0
        try walk.run(run) { run in
          turn += 1
          if run.isTraced { run.turns = run.turns.prefix(depth) + [turn] }
          do {
            try execute(run)
            completed += 1
          } catch Interrupt.skipped {}
        }
        if run.isTraced { run.turns = Array(run.turns.prefix(depth)) }
        if completed == 0 { try decided?(run) }
      }, flow
    )
  }

  /// The turns of a loop statement.
  struct Turns: Sendable {
    var valued: Set<String>
    var run: @Sendable (Run, (Run) throws -> Void) throws -> Void

    init(_ walk: Walk) {
      valued = walk.valued
      run = { run, body in
        try walk.turns(run) { run in
          try body(run)
          return true
        }
      }
    }

    init(valued: Set<String>, _ run: @escaping @Sendable (Run, (Run) throws -> Void) throws -> Void) {
      self.valued = valued
      self.run = run
    }
  }

  /// A loop over the repetitions of an output's field: its variable is written and removed in place.
  private mutating func repetitions(_ head: LoopHead, _ place: HL7Place, _ draft: Int, _ field: Int) -> Turns {
    let mark = newMarks(2)
    declare(head.name, .repetition(mark: mark, draft: draft, place.code, field: field))
    let test = head.condition.map { condition($0) }
    let holds = test?.holds
    let numbered = number(head)
    return Turns(valued: test?.valuedIfTrue ?? []) { run, body in
      var turn = 0
      guard let segment = try place.segment(run) else { return }
      // No turn can make more turns: there are at most as many as there were repetitions before the first.
      var left = try place.wholeField(run, segment).repetitionCount
      var number = 1
      while left > 0 {
        left -= 1
        try run.step(at: place.span)
        let piece = try place.wholeField(run, segment).repetition(number)
        run.marks[mark] = segment
        run.marks[mark + 1] = number
        var fits = true
        if case .allWhere(let slot, let condition) = place.repetition {
          run.slots[slot] = Datum(piece)
          fits = try condition(run)
        }
        if fits, try holds?(run) ?? true {
          turn += 1
          if let numbered { run.slots[numbered] = .number(Decimal(turn)) }
          try body(run)
        }
        // One that was removed has given its number to the next.
        if run.marks[mark + 1] > 0 { number += 1 }
      }
    }
  }
}

extension Type {
  /// The output of whose segments a value may be.
  fileprivate var draft: Int? {
    switch self {
    case .segment(let message, _), .made(_, .some(let message)): message.draft
    case .list(let element): element.draft
    default: nil
    }
  }
}
