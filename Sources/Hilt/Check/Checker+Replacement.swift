/// `replace(text, /…/, by)`: in a text that is written in the call, `$name` and `$1` stand for what the pattern's parts
/// took, and `$$` for a dollar. What comes from a message is never read so.
struct Replacement: Sendable {
  enum Piece: Sendable {
    case literal([UInt8])
    /// Part n of the pattern, from 1.
    case part(Int)
    case value(@Sendable (Run) throws -> String)
  }
  var pieces: [Piece]

  /// The pieces with their values; parts stay.
  fileprivate func evaluated(_ run: Run) throws -> Replacement {
    Replacement(
      pieces: try pieces.map { piece in
        guard case .value(let evaluate) = piece else { return piece }
        return .literal(Array(try evaluate(run).utf8))
      })
  }

  /// - Parameter slots: where the match and its parts begin and end; -1 where a part took nothing.
  fileprivate func append(to result: inout [UInt8], _ bytes: UnsafeBufferPointer<UInt8>, _ slots: [Int32]) {
    for piece in pieces {
      switch piece {
      case .literal(let text): result += text
      case .part(let number):
        let (start, end) = (Int(slots[2 * number]), Int(slots[2 * number + 1]))
        if start >= 0, start < end { result += bytes[start..<end] }
      case .value: break
      }
    }
  }
}

extension Checker {
  /// `replace(text, part, by)`
  mutating func replace(_ call: Call) -> Typed {
    guard let part = call[1], case .pattern = part.kind else { return plain(call, .many(Function.replaced)) }
    var parts: [TextPart] = []
    if case .text(let written)? = call[2]?.kind { parts = written }
    let refers = parts.contains { if case .literal(let text) = $0 { text.utf8.contains(Self.dollar) } else { false } }
    let pattern = self.pattern(part, numbersGroups: refers)
    let value = call[0].map { argument(typed($0), .text) } ?? .broken(call.span)
    if refers {
      guard let by = call[2], let pattern, let replacement = replacement(parts, pattern, by.span) else {
        return .broken(call.span)
      }
      return replaced(value, pattern, call.span) { _ in (replacement, .absent) }
    }
    let new = call[2].map { argument(typed($0), .text) } ?? .broken(call.span)
    guard let pattern, new.type != .broken else { return .broken(call.span) }
    let by = new.evaluate
    return replaced(value, pattern, call.span) { run in
      let datum = try by(run)
      guard case .text(let text) = datum else { return (nil, datum) }
      return (Replacement(pieces: [.literal(Array(text.utf8))]), datum)
    }
  }

  /// - Parameter by: what replaces a match, or what is given where there is nothing to replace it by.
  private func replaced(
    _ value: Typed, _ pattern: Pattern, _ span: Span, by: @escaping @Sendable (Run) throws -> (Replacement?, Datum)
  ) -> Typed {
    guard value.type != .broken else { return .broken(span) }
    let text = value.evaluate
    return Typed(.text, mayBeAbsent: true, at: span) { run in
      let datum = try text(run)
      guard case .text(let old) = datum else { return datum }
      let (given, nothing) = try by(run)
      guard let replacement = try given?.evaluated(run) else { return nothing }
      var result: [UInt8] = []
      var end = 0
      var isTooLong = false
      let isFound = try run.search(pattern, in: old, wantsParts: true, at: span) { bytes, slots in
        result += bytes[end..<Int(slots[0])]
        replacement.append(to: &result, bytes, slots)
        end = Int(slots[1])
        isTooLong = result.count > Function.textBytesMax
        return !isTooLong
      }
      if isTooLong { throw Function.tooLong.interrupt(at: span) }
      guard isFound else { return datum }
      result += Array(old.utf8)[end...]
      try run.step(bytes: result.count, at: span)
      return result.isEmpty ? .absent : .text(String(decoding: result, as: UTF8.self))
    }
  }

  private static let dollar = UInt8(ascii: "$")

  private mutating func replacement(_ parts: [TextPart], _ pattern: Pattern, _ span: Span) -> Replacement? {
    var pieces: [Replacement.Piece] = []
    for part in parts {
      guard case .literal(let text) = part else {
        pieces += textPieces([part], absent: "", null: "").map { .value($0) }
        continue
      }
      guard let found = self.pieces(Array(text.utf8), pattern, span) else { return nil }
      pieces += found
    }
    return Replacement(pieces: pieces)
  }

  /// The pieces of a literal; reported, and `nil`, where a `$` stands for nothing.
  private mutating func pieces(_ text: [UInt8], _ pattern: Pattern, _ span: Span) -> [Replacement.Piece]? {
    var pieces: [Replacement.Piece] = []
    var rest = text[...]
    while let place = rest.firstIndex(of: Self.dollar) {
      pieces.append(.literal(Array(rest[..<place])))
      rest = rest[(place + 1)...]
      if rest.first == Self.dollar {
        pieces.append(.literal([Self.dollar]))
        rest = rest.dropFirst()
        continue
      }
      let digits = rest.prefix { (0x30...0x39).contains($0) }
      let name = digits.isEmpty ? rest.prefix { Lexer.isWord($0) } : digits
      rest = rest[name.endIndex...]
      guard let number = number(of: String(decoding: name, as: UTF8.self), pattern, span) else { return nil }
      pieces.append(.part(number))
    }
    pieces.append(.literal(Array(rest)))
    return pieces
  }

  private mutating func number(of name: String, _ pattern: Pattern, _ span: Span) -> Int? {
    guard !name.isEmpty else {
      problems.report(
        .pattern, "a '$' names a part of the pattern here, and a dollar is '$$'", at: span,
        help: ["$$", "$1", "$name"])
      return nil
    }
    let named = pattern.names.filter { !$0.isEmpty }.map { "$\($0)" }
    if let first = name.utf8.first, (0x30...0x39).contains(first) {
      if name.utf8.count < 5, let number = Int(name), (1...max(1, pattern.names.count)).contains(number),
        !pattern.names.isEmpty
      {
        return number
      }
      let count = pattern.names.count
      problems.report(
        .pattern, "the pattern has no part \(name): it has \(count == 1 ? "one" : count == 0 ? "none" : "\(count)")",
        at: span, help: count == 0 ? ["(…) makes a part", "$$ for a dollar"] : (1...min(count, 9)).map { "$\($0)" })
      return nil
    }
    if let index = pattern.names.firstIndex(of: name) { return index + 1 }
    problems.report(
      .pattern, "the pattern has no part named '\(name)'", at: span,
      help: named.isEmpty ? ["(?<\(name)>…)", "$$ for a dollar"] : named)
    return nil
  }
}
