extension Checker {
  /// `sort_by x in list => key`, `group_by x in list => key`, `distinct x in list => key`
  mutating func keyed(
    _ word: Word, _ head: LoopHead, _ key: Expression, _ descends: Bool, _ span: Span
  ) -> Typed {
    scope.open()
    defer { scope.close() }
    let list = typed(head.list)
    let walk = walk(head, over: list)
    let found = knowing(walk?.valued ?? []) { $0.typed(key) }
    let isSorting = word.text == "sort_by"
    let value = isSorting ? sortable(found) : interpolated(found)
    guard let walk, case .list(let element) = list.type, value.type != .broken else { return .broken(span) }
    if value.type == .never || value.type == .nothing {
      mismatch(value, wanted: "a key")
      return .broken(span)
    }
    let keyed = Keyed(walk: walk, key: value.evaluate, span: span)
    switch word.text {
    case "sort_by":
      return Typed(.list(element), at: span, path: list.path) { .list(try keyed.sorted($0, descending: descends)) }
    case "group_by":
      let fields = [
        Type.Field(name: "key", type: .text), Type.Field(name: "values", type: .list(element), mayBeAbsent: false),
      ]
      return Typed(.list(.fields(fields)), at: span) {
        .list(try keyed.groups($0).map { .row([$0.key, .list($0.values)]) })
      }
    default:
      return Typed(.list(element), at: span, path: list.path) { run in
        .list(try keyed.groups(run).compactMap { $0.key.isValued ? $0.values.first : nil })
      }
    }
  }

  /// What has an order: a number, a date, a time of day, or what has a text.
  private mutating func sortable(_ value: Typed) -> Typed {
    switch value.type {
    case .number, .stamp, .time: return value
    case .content(let kind) where !kind.types.isEmpty && kind.types.keys.allSatisfy(Self.numbers.contains):
      // As texts 10 comes before 2.
      mismatch(value, wanted: "a number or a text", help: ["number(\(source.text(value.span))) catch absent"])
      return .broken(value.span)
    default: return text(value, wanted: "a key that has an order")
    }
  }

  /// Data types of HL7 that are numbers.
  private static let numbers: Set = ["SI", "NM"]

  /// `or_absent(value, other)`
  mutating func orAbsent(_ call: Call) -> Typed {
    let values = call.arguments.compactMap { $0.map { typed($0) } }
    guard values.count == 2, let type = common(values[0], values[1]) else { return .broken(call.span) }
    let (a, b) = (values[0].evaluate, values[1].evaluate)
    let mayBeAbsent = values[0].mayBeAbsent || values[1].mayBeAbsent
    return Typed(type, mayBeAbsent: mayBeAbsent, at: call.span, path: values[0].path) { run in
      let value = try a(run)
      return value.isAbsent ? try b(run) : value
    }
  }

  /// `flatten(lists)`
  mutating func flatten(_ call: Call) -> Typed {
    let value = call[0].map { argument(typed($0), .list) } ?? .broken(call.span)
    guard case .list(let inner) = value.type, case .list(let element) = inner else {
      mismatch(value, wanted: "a list of lists")
      return .broken(call.span)
    }
    let (evaluate, span) = (value.evaluate, call.span)
    return Typed(.list(element), at: span) { run in
      let all = try evaluate(run).argumentList.flatMap(\.argumentList)
      try run.step(bytes: all.count << 6, at: span)
      return .list(all)
    }
  }

  /// `zip(first, second)`
  mutating func paired(_ call: Call) -> Typed {
    let values = call.arguments.compactMap { $0.map { argument(typed($0), .list) } }
    guard values.count == 2, case .list(let first) = values[0].type, case .list(let second) = values[1].type else {
      return .broken(call.span)
    }
    for (value, element) in zip(values, [first, second]) {
      if case .segment = element {
        mismatch(value, wanted: "a list of values", help: ["for x in … => …"])
        return .broken(call.span)
      }
    }
    let (a, b, span) = (values[0].evaluate, values[1].evaluate, call.span)
    let fields = [Type.Field(name: "first", type: first), Type.Field(name: "second", type: second)]
    return Typed(.list(.fields(fields)), at: span) { run in
      let (left, right) = (try a(run).argumentList, try b(run).argumentList)
      let count = max(left.count, right.count)
      try run.step(bytes: count << 6, at: span)
      return .list(
        (0..<count).map { index in
          .row([index < left.count ? left[index] : .absent, index < right.count ? right[index] : .absent])
        })
    }
  }
}

/// A list's elements with a key each.
struct Keyed: Sendable {
  var walk: Checker.Walk
  var key: Evaluate
  var span: Span

  private func elements(_ run: Run) throws -> [(key: Datum, value: Datum)] {
    var elements: [(key: Datum, value: Datum)] = []
    try walk.walk(run) { value, fits in
      if fits { elements.append((try key(run), value)) }
      return true
    }
    return elements
  }

  /// The elements with equal keys, by the place of the first.
  func groups(_ run: Run) throws -> [(key: Datum, values: [Datum])] {
    var groups: [(key: Datum, values: [Datum])] = []
    // What is absent and what is null are keys too.
    var places: [String?: Int] = [:]
    for element in try elements(run) {
      let text: String? = element.key.isValued ? element.key.argumentText : nil
      try run.step(bytes: text?.utf8.count ?? 0, at: span)
      if let place = places[text] {
        groups[place].values.append(element.value)
      } else {
        places[text] = groups.count
        groups.append((text.map { .text($0) } ?? .absent, [element.value]))
      }
    }
    return groups
  }

  /// The elements in the order of their keys; equal ones stay as they were, and those without a key come last.
  func sorted(_ run: Run, descending: Bool) throws -> [Datum] {
    let elements = try elements(run)
    var hasOffset: Bool?
    var keyBytes = 0
    for element in elements {
      if case .text(let text) = element.key { keyBytes += text.utf8.count }
      let stamp: Stamp
      switch element.key {
      case .stamp(let date): stamp = date
      case .time(let time): stamp = time.stamp
      default: continue
      }
      guard stamp.precision >= .hour else { continue }
      guard hasOffset ?? (stamp.offset != nil) == (stamp.offset != nil) else {
        throw Interrupt.failure(
          Failure(.stopping, "which date is earlier can't be said: only some have an offset", at: span))
      }
      hasOffset = stamp.offset != nil
    }
    // As many comparisons as any order can need.
    let depth = Int.bitWidth - elements.count.leadingZeroBitCount
    try run.step(bytes: (elements.count << 6 + keyBytes) * depth, at: span)
    let order = elements.indices.sorted { a, b in
      let (x, y) = (elements[a].key, elements[b].key)
      guard x.isValued == y.isValued else { return x.isValued }
      return (descending ? Self.isBefore(y, x) : Self.isBefore(x, y)) ?? (a < b)
    }
    return order.map { elements[$0].value }
  }

  /// `nil`: neither is before the other.
  private static func isBefore(_ a: Datum, _ b: Datum) -> Bool? {
    switch (a, b) {
    case (.number(let x), .number(let y)): return x == y ? nil : x < y
    case (.text(let x), .text(let y)): return x == y ? nil : x.utf8.lexicographicallyPrecedes(y.utf8)
    case (.stamp(let x), .stamp(let y)): return isBefore(x, y)
    case (.time(let x), .time(let y)): return isBefore(x.stamp, y.stamp)
    default: return nil
    }
  }

  /// What is less exact counts as its beginning.
  private static func isBefore(_ a: Stamp, _ b: Stamp) -> Bool? {
    let (x, y) = (a.beginning, b.beginning)
    return x == y ? nil : x < y
  }
}
