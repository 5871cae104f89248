extension Run {
  /// So many threads of a search are one step.
  private static let threadsPerStep = 16

  /// Finds a pattern in a text: the first match, then those behind it that don't overlap.
  ///
  /// - Parameters:
  ///   - wantsParts: otherwise only whether there is a match is found out.
  ///   - body: gets the text's bytes and, for the match and each of its parts, where it begins and ends in them (-1 for
  ///     what took no part); says whether to go on.
  /// - Returns: whether there is a match at all.
  @discardableResult
  func search(
    _ pattern: Pattern, in text: String, wantsParts: Bool, at span: Span,
    _ body: (UnsafeBufferPointer<UInt8>, [Int32]) -> Bool = { _, _ in false }
  ) throws -> Bool {
    try step(bytes: pattern.instructions.count * (wantsParts ? 8 * pattern.slotCount : 8), at: span)
    var search = PatternSearch(pattern, wantsParts: wantsParts)
    var text = text
    return try text.withUTF8 { bytes in
      var isFound = false
      var from = 0
      var lastEnd = -1
      while from <= bytes.count {
        let before = search.work
        let workMax = before + min(stepsLeft, 1 << 40) * Self.threadsPerStep
        guard let found = search.find(in: bytes, from: from, workMax: workMax) else { throw overBudget(span) }
        stepsLeft -= 1 + (search.work - before) / Self.threadsPerStep
        if stepsLeft < 0 { throw overBudget(span) }
        guard found else { return isFound }
        isFound = true
        guard wantsParts else { return true }
        let (start, end) = (Int(search.found[0]), Int(search.found[1]))
        // Nothing, right behind a match, is no other match.
        if start != end || start != lastEnd {
          guard body(bytes, search.found) else { return true }
          lastEnd = end
        }
        from = end
        if start == end {
          from += 1
          while from < bytes.count, bytes[from] & 0xC0 == 0x80 { from += 1 }
        }
      }
      return isFound
    }
  }
}
