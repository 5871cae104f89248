import DICOM
import HL7
import Messages

/// Where a path has come to, while its steps are read.
enum Cursor {
  case message(MessageReference)
  case place(HL7Place)
  case group(GroupPlace)
  case value(Typed)
  case table(Int)
  /// `message.source.…`, with what was read so far.
  case attribute([String])
  /// A file of lines.
  case rows
  case library(Int)
  /// `names.upper_family`, which a call follows.
  case function(Int)
  /// `entry[*]` of FHIR or JSON: what follows is asked of each.
  case many(Typed)
  /// What was begun with `new Bundle`, and `b.upsert`, which a call follows.
  case bundle(Int)
  case bundleCall(Int, Word)
  /// An element of DICOM, or some of its values or items.
  case element(ElementPlace)
  case broken
}

extension Checker {
  /// What a name means where a path, or an expression, begins.
  mutating func root(_ name: String, _ span: Span) -> Cursor {
    switch name {
    case "msg":
      guard module == 0 else { return outsideLibrary(span) }
      guard hasMessage else { return document(span) }
      return .message(.input)
    case "original":
      guard hasOriginal else {
        return brokenCursor(
          .unknownName, "'original' is known only in a channel's expressions and in reply transforms", at: span,
          help: ["msg"])
      }
      guard !readsDICOM else {
        return brokenCursor(
          .unsupported, "'original' is known where HL7 came in, and not of DICOM yet", at: span, help: ["msg"])
      }
      return .message(.original)
    case "sent":
      guard isReply, module == 0 else {
        return brokenCursor(
          .unknownName, "'sent' is known only in reply transforms", at: span, help: ["msg"])
      }
      return .message(.sent)
    case "message": return .attribute(["message"])
    case "meta" where isExpression: return .attribute(["meta"])
    default: break
    }
    if let element = selectedElement(name, span) { return element }
    if let variable = scope.find(name) {
      scope.use(name)
      return cursor(variable, span)
    }
    if readsDICOM, name.first?.isUppercase == true {
      return module == 0 ? keyword(name, span) : outsideLibrary(span)
    }
    if let code = HL7SegmentCode(name) {
      guard module == 0 else { return outsideLibrary(span) }
      guard hasMessage else { return noMessage(span) }
      guard checkSegment(code, of: .input, at: span) else { return .broken }
      return .place(HL7Place(message: .input, code: code, span: span))
    }
    if module == 0, hasMessage, name.first?.isUppercase == true, HL7Tables.groupNames.contains(name) {
      return group(name, of: .input, within: nil, span)
    }
    return unknown(name, span)
  }

  func cursor(_ variable: Variable, _ span: Span) -> Cursor {
    switch variable.kind {
    case .value(let slot, let type, let mayBeAbsent, let path):
      let absent = mayBeAbsent && !facts.contains(variable.name)
      return .value(Typed(type, mayBeAbsent: absent, at: span, path: path) { $0.slots[slot] })
    case .constant(let datum, let type): return .value(.constant(datum, type, at: span))
    case .segment(let mark, let message, let code):
      return .place(HL7Place(message: message, code: code, segment: .mark(mark), span: span))
    case .repetition(let mark, let draft, let code, let field):
      var place = HL7Place(
        message: .draft(draft), code: code, segment: .mark(mark), field: field, repetition: .mark(mark), span: span)
      let versions = versions(of: place.message)
      if let segment = HL7Tables.segment(code) { place.kind = Kind(segment.part(field, in: versions), in: versions) }
      place.kind.repeats = false
      return .place(place)
    case .message(let message): return .message(message)
    case .group(let slot, let type):
      let find: FindGroup = { run in
        if case .group(let group) = run.slots[slot] { return group }
        return nil
      }
      return .group(GroupPlace(type: type, find: find, outer: nil, slot: slot, isPicked: true))
    case .list(let slot, let element):
      return .value(Typed(.list(element), at: span, path: nil) { $0.slots[slot] })
    case .table(let table): return .table(table)
    case .library(let library): return .library(library)
    case .bundle(let bundle): return .bundle(bundle)
    case .object(let number):
      return .value(
        Typed(.object(.draft(number)), at: span, path: variable.name) { run in
          .dataSet(.item(DraftItem(draft: number, steps: [], seen: run.objects[number]?.removalCount ?? 0)))
        })
    case .broken: return .broken
    }
  }

  private mutating func outsideLibrary(_ span: Span) -> Cursor {
    brokenCursor(
      .unknownName, "a library sees no message of its own; its functions see what they are given", at: span,
      help: ["fn name(pid) = pid-8"])
  }

  private mutating func noMessage(_ span: Span) -> Cursor {
    if let format = input?.format {
      return brokenCursor(
        .unknownName, "'\(source.text(span))' would be a segment of HL7, and this transform reads \(format.rawValue)",
        at: span,
        help: [format == .delimited ? "for row in msg.rows { … }" : "msg"])
    }
    return brokenCursor(
      .unsupported, "an expression does not look into this format yet", at: span,
      help: hasOriginal
        ? ["original.\(source.text(span))… where HL7 came in", "message.…"] : ["message.… and literals"])
  }

  private mutating func unknown(_ name: String, _ span: Span) -> Cursor {
    var help: [String] = []
    guard problems.isOpen else { return brokenCursor(.unknownName, "", at: span) }
    if mayBeUnread(name) { return .broken }
    if let near = nearest(name, among: scope.names + Self.reserved) { help = ["did you mean '\(near)'?"] }
    if let code = HL7SegmentCode(name.uppercased()), help.isEmpty, HL7Tables.segment(code) != nil { help = ["\(code)"] }
    if readsDICOM, let near = DICOMAttribute.nearest(to: name) { help = ["did you mean '\(near)'?"] }
    if Function.named(name) != nil { help = ["\(name)(…)"] }
    if name == "out" { help = ["let out = copy msg"] }
    // A span that holds more than the name belongs to a path.
    let isAlone = source.text(span) == name && Function.named(name) == nil
    let meant = isAlone ? surelyMeant(name, among: scope.names + Self.reserved) : nil
    return brokenCursor(.unknownName, "'\(name)' is not known here", at: span, help: help, meant: meant)
  }

  mutating func brokenCursor(
    _ code: Code, _ message: String, at span: Span, help: [String] = [], meant: String? = nil
  ) -> Cursor {
    problems.report(code, message, at: span, help: help, fix: meant.map { (span, $0) })
    return .broken
  }

  /// Where an expression comes to, when it is a name or a path.
  mutating func cursor(_ expression: Expression) -> Cursor {
    switch expression.kind {
    case .name(let name):
      let cursor = root(name, expression.span)
      learn(cursor, expression.span, expression.span)
      return cursor
    case .selected:
      let cursor = selectedRoot(expression.span)
      learn(cursor, expression.span, expression.span)
      return cursor
    case .path(let first, let steps):
      var cursor: Cursor
      switch first.kind {
      case .name, .selected: cursor = self.cursor(first)
      default:
        cursor = .value(typed(first))
        learn(cursor, first.span, first.span)
      }
      for (index, step) in steps.enumerated() {
        if case .broken = cursor {
          checkArguments(steps[index...])
          return .broken
        }
        cursor = advance(cursor, step, from: expression.span)
        learn(cursor, Span(Int(expression.span.start), Int(step.span.end)), step.span)
      }
      return cursor
    default: return .value(typed(expression))
    }
  }

  /// What is handed to something that isn't known can be wrong in itself. A function's body is looked at with what it
  /// is called with, and only then.
  private mutating func checkArguments(_ steps: ArraySlice<Step>) {
    guard openFunctions == 0 else { return }
    for step in steps {
      guard case .call(let arguments) = step.kind else { continue }
      for argument in arguments { _ = typed(argument) }
    }
  }

  private mutating func selectedRoot(_ span: Span) -> Cursor {
    switch selected {
    case .repetition(let slot, let kind, let path):
      return .value(Typed(.content(kind), mayBeAbsent: true, at: span, path: path) { $0.slots[slot] })
    case .segment(let mark, let message, let code):
      return .place(HL7Place(message: message, code: code, segment: .mark(mark), span: span))
    case .value(let slot, let type):
      return .value(Typed(type, mayBeAbsent: true, at: span) { $0.slots[slot] })
    case nil: return brokenCursor(.syntax, "a path begins with a segment or a name", at: span, help: ["PID-5.1"])
    }
  }

  mutating func advance(_ cursor: Cursor, _ step: Step, from start: Span) -> Cursor {
    switch cursor {
    case .message(let message): return advance(message, step)
    case .place(var place):
      place.span = start...step.span
      return advance(place, step)
    case .group(let group): return advance(group, step, from: start)
    case .value(let value): return advance(value, step, start...step.span)
    case .table(let table): return lookup(table, step, start...step.span)
    case .attribute(let names): return attribute(names, step)
    case .rows: return rows(step, start...step.span)
    case .many(let list): return advanceEach(list, step, start...step.span)
    case .bundle(let bundle): return member(of: bundle, step, start...step.span)
    case .element(let place): return advance(place, step, start...step.span)
    case .bundleCall(let bundle, let word):
      guard case .call(let arguments) = step.kind else {
        return brokenCursor(.path, "'\(word.text)' is called with its values in parentheses", at: step.span)
      }
      return .value(call(word, on: bundle, arguments, start...step.span))
    case .library(let library): return member(of: library, step)
    case .function(let function):
      guard case .call(let arguments) = step.kind else {
        return brokenCursor(.path, "a function is called with its values in parentheses", at: step.span)
      }
      return .value(call(function, arguments, start...step.span))
    case .broken: return .broken
    }
  }

  /// `names.upper_family`
  private mutating func member(of library: Int, _ step: Step) -> Cursor {
    guard case .member(let name) = step.kind else {
      return brokenCursor(.path, "a name of the library follows", at: step.span)
    }
    if let function = modules[library].functions[name] { return .function(function) }
    if let variable = modules[library].scope.find(name), modules[library].declares(name) {
      return cursor(variable, step.span)
    }
    if modules[library].tree.unread.contains(name) { return .broken }
    let names = modules[library].functions.keys.sorted() + modules[library].scope.names
    return brokenCursor(
      .unknownFunction, "'\(modules[library].path)' has no '\(name)'", at: step.span,
      help: nearest(name, among: names).map { ["did you mean '\($0)'?"] } ?? [])
  }

  private mutating func advance(_ message: MessageReference, _ step: Step) -> Cursor {
    guard let name = step.name else {
      return brokenCursor(.path, "a segment follows a message", at: step.nameSpan, help: ["msg.PID-5"])
    }
    if name.first?.isUppercase == true, HL7SegmentCode(name) == nil {
      return group(name, of: message, within: nil, step.nameSpan)
    }
    guard let code = HL7SegmentCode(name) else {
      return brokenCursor(
        .path, "'\(name)' is no segment: three capitals, or digits after the first", at: step.nameSpan,
        help: ["msg.PID-5"])
    }
    guard checkSegment(code, of: message, at: step.nameSpan) else { return .broken }
    return .place(HL7Place(message: message, code: code, span: step.span))
  }

  // MARK: Places

  mutating func advance(_ given: HL7Place, _ step: Step) -> Cursor {
    var place = given
    switch step.kind {
    case .field(let number):
      guard place.field == nil else {
        return brokenCursor(.path, "a field has components, written with a point", at: step.span, help: [".\(number)"])
      }
      guard let kind = field(number, of: place, at: place.span) else { return .broken }
      place.field = number
      place.kind = narrowed(kind, place, before: step)
      return .place(place)
    case .component(let number):
      guard place.field != nil else {
        let before = source.text(Span(Int(place.span.start), Int(step.span.start)))
        return brokenCursor(
          .path, "a segment has fields, written with a dash", at: step.span, help: ["\(before)-\(number)"])
      }
      guard place.subcomponent == nil else {
        return brokenCursor(.path, "nothing lies below a subcomponent", at: step.span)
      }
      if place.component == nil, place.kind.repeats, case .only = place.repetition {
        reportRepeats(
          source.text(Span(Int(place.span.start), Int(step.span.start))), ".\(number)", place.kind, at: place.span)
        place.repetition = .index(1)
      }
      guard let kind = component(number, of: place, at: place.span) else { return .broken }
      if place.component == nil { place.component = number } else { place.subcomponent = number }
      place.kind = kind
      return .place(place)
    case .member(let name):
      return member(name, of: place, step)
    case .group, .call, .tag:
      return brokenCursor(.path, "a segment has fields, written with a dash and a number", at: step.span)
    case .select(let selector):
      return select(&place, selector, step.span)
    }
  }

  private mutating func select(_ place: inout HL7Place, _ selector: Selector, _ span: Span) -> Cursor {
    if place.component != nil {
      return brokenCursor(.path, "a component does not repeat", at: span)
    }
    if place.field != nil {
      guard case .only = place.repetition else { return brokenCursor(.path, "one selector is enough", at: span) }
      // What is selected is one of them.
      place.kind.repeats = false
      let (kind, path) = (place.kind, place.path)
      switch selector {
      case .last: place.repetition = .last
      case .all: place.repetition = .all
      case .firstWhere(let expression):
        let slot = newSlot()
        let holds = condition(expression, selecting: .repetition(slot: slot, kind, path: path))
        place.repetition = .firstWhere(slot: slot, holds)
      case .allWhere(let expression):
        let slot = newSlot()
        let holds = condition(expression, selecting: .repetition(slot: slot, kind, path: path))
        place.repetition = .allWhere(slot: slot, holds)
      case .keys(let keys):
        guard let number = index(keys, span) else { return .broken }
        place.repetition = .index(number)
      case .allOf: return notOfHL7(span)
      }
      return .place(place)
    }
    guard case .only = place.segment else { return brokenCursor(.path, "one selector is enough", at: span) }
    switch selector {
    case .last: place.segment = .last
    case .all: place.segment = .all
    case .firstWhere(let expression):
      let mark = newMarks(1)
      place.segment = .firstWhere(
        mark: mark, condition(expression, selecting: .segment(mark: mark, place.message, place.code)))
    case .allWhere(let expression):
      let mark = newMarks(1)
      place.segment = .allWhere(
        mark: mark, condition(expression, selecting: .segment(mark: mark, place.message, place.code)))
    case .keys(let keys):
      guard let number = index(keys, span) else { return .broken }
      place.segment = .index(number)
    case .allOf: return notOfHL7(span)
    }
    return .place(place)
  }

  mutating func condition(_ expression: Expression, selecting new: Selected) -> Holds {
    let before = (selected, decidesOutcome)
    selected = new
    decidesOutcome = false
    defer { (selected, decidesOutcome) = before }
    return condition(expression).holds
  }

  private mutating func notOfHL7(_ span: Span) -> Cursor {
    brokenCursor(
      .path, "'of' picks resources of FHIR, and this is HL7", at: span, help: ["[* where …]"])
  }

  /// A number in brackets, from 1.
  mutating func index(_ keys: [Expression], _ span: Span) -> Int? {
    guard keys.count == 1, case .number(let text) = keys[0].kind else {
      problems.report(
        .path, "a place is selected with a number, 'last', '*' or 'where'", at: span,
        help: ["[1]", "[last]", "[*]", "[where …]"])
      return nil
    }
    guard let number = Int(text), (1...65_536).contains(number) else {
      problems.report(.path, "numbers begin at 1", at: keys[0].span, help: ["[1]"])
      return nil
    }
    return number
  }
}
