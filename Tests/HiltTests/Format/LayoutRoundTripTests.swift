import Foundation
import Messages
import Testing

@testable import Hilt

/// Laying out changes nothing but spaces, and nothing the second time.
@Suite("The layout of every program")
struct LayoutRoundTripTests {
  /// Every program of the repository: those that ship, those of the conformance folder, right and wrong ones.
  static let programs: [(name: String, text: String)] = {
    var programs = ConformanceCase.all.map { ($0.description, $0.program) }
    for folder in ["Transforms", "Examples", "Tests"] {
      let files = FileManager.default.enumerator(
        at: Corpus.root.appending(path: folder), includingPropertiesForKeys: nil)
      for url in (files?.compactMap { $0 as? URL } ?? []).sorted(by: { $0.path < $1.path })
      where url.pathExtension == "hilt" {
        if let text = try? String(contentsOf: url, encoding: .utf8) { programs.append((url.lastPathComponent, text)) }
      }
    }
    return programs
  }()

  /// Tokens, comments and tree of a program, without places.
  private struct Content: Equatable {
    var tokens: [String]
    var comments: [String]
    var tree: String
    var problems: [String]

    init?(_ text: String, tree wantsTree: Bool) {
      let source = Source(text, file: "t.hilt")
      var problems = Problems(source)
      let tokens = Lexer.tokens(of: source, problems: &problems)
      guard problems.all.isEmpty, let lines = LayoutLine.lines(of: source, tokens) else { return nil }
      self.tokens = tokens.map { token in
        // What a text says is in its kind; empty lines of one may be written with spaces.
        let text = if case .piece = token.kind { "" } else { source.text(token.span) }
        return "\(token.kind) \(text) \(token.kind == .end || token.newlineBefore)"
      }
      comments = lines.compactMap(\.comment)
      (tree, self.problems) = ("", [])
      guard wantsTree else { return }
      var parser = Parser(source, tokens: tokens, problems: problems)
      // A version is kept as it is written, with what stands between its numbers.
      tree = "\(parser.program())".replacing(/Span\(start: -?\d+, end: -?\d+\)|\\[ntr]/, with: "")
        .filter { !$0.isWhitespace }
      self.problems = parser.problems.all.map { "\($0.code) \($0.message)" }
    }
  }

  private func check(_ text: String, _ what: String, tree: Bool = true) throws {
    guard let before = Content(text, tree: tree) else {
      #expect(HiltLayout.laidOut(text, file: "t.hilt").text ?? text == text, "\(what)")
      return
    }
    let laidOut = try #require(HiltLayout.laidOut(text, file: "t.hilt").text, "\(what)")
    let after = try #require(Content(laidOut, tree: tree), "\(what):\n\(text)\n---\n\(laidOut)")
    if before != after {
      Issue.record("\(what) means something else:\n\(text)\n---\n\(laidOut)\n\(before.problems)\n\(after.problems)")
    }
    let again = try #require(HiltLayout.laidOut(laidOut, file: "t.hilt").text)
    #expect(again == laidOut, "\(what), twice:\n\(text)")
    let source = Source(laidOut, file: "t.hilt")
    var problems = Problems(source)
    let pieces = LayoutLine.lines(of: source, Lexer.tokens(of: source, problems: &problems))?.flatMap(\.pieces) ?? []
    // Spaces behind the words of a text are in it.
    var rest = laidOut
    for piece in pieces where piece.text.hasPrefix("<<") {
      let words = piece.text.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(!words.contains { $0.hasSuffix(" ") && ($0.hasPrefix("<<") || $0.allSatisfy(\.isWhitespace)) }, "\(what)")
      rest = rest.replacing(piece.text, with: "<<")
    }
    let lines = rest.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(!lines.contains { $0.hasSuffix(" ") || $0.hasSuffix("\t") }, "\(what):\n\(text)")
    #expect(laidOut.isEmpty || laidOut.hasSuffix("\n") && !laidOut.hasSuffix("\n\n"), "\(what)")
  }

  @Test("It keeps tokens, comments and tree of each, and is the same the second time")
  func programs() throws {
    #expect(Self.programs.count > 80)
    for program in Self.programs { try check(program.text, program.name) }
  }

  @Test("What ships is laid out already")
  func shipped() throws {
    for program in Self.programs where program.name.hasSuffix(".hilt") {
      guard let text = HiltLayout.laidOut(program.text, file: program.name).text else { continue }
      #expect(text == program.text, "\(program.name)")
    }
  }

  @Test("It does so with programs that were mangled")
  func mangled() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SeededGenerator(seed: seed)
    let pieces = [
      " ", "  ", "    ", "\n", "\n\n\n", "\t", "\r\n", " # why\n", "\n# alone\n", "(", ")", "[", "]", "{", "}", ",",
      ":",
      "-", "/", "*", ".", "..", "=>", "=", "a", "PID-3", "where", "and", "if", "else", "1", "\"x {a}\"", "in", "with",
    ]
    for round in 0..<500 {
      guard let program = Self.programs.randomElement(using: &generator) else { return }
      var bytes = Array(program.text.utf8)
      for _ in 0..<Int.random(in: 1...12, using: &generator) {
        let at = Int.random(in: 0...bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0 where at < bytes.count: bytes.remove(at: at)
        case 1:
          let end = min(bytes.count, at + Int.random(in: 0...8, using: &generator))
          bytes.replaceSubrange(at..<end, with: [0x20])
        default:
          guard let piece = pieces.randomElement(using: &generator) else { return }
          bytes.insert(contentsOf: Array(piece.utf8), at: at)
        }
      }
      try check(String(decoding: bytes, as: UTF8.self) + "\n", "seed \(seed), round \(round), \(program.name)")
    }
  }

  @Test("It does so with slips that were met")
  func met() throws {
    // `of` takes no operand: what stands behind it without a space would be read otherwise with one.
    let slip = "transform t\n  in  hl7 2.3..2.6 ADT_A01\n  out fhir r4 Patient\n\nlet a = number_(of(id),\n"
    try check(slip, "a bracket behind `of`")
  }

  @Test("A line of a million brackets or comments takes no longer than others")
  func large() throws {
    for text in [
      String(repeating: "(", count: 200_000), String(repeating: "#\n", count: 200_000),
      String(repeating: "a  b\n", count: 100_000), String(repeating: "a { \n", count: 2_000),
    ] {
      let result = HiltLayout.laidOut(text, file: "t.hilt")
      #expect(result.text != nil)
    }
  }
}
