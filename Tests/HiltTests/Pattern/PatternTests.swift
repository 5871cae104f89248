import Foundation
import Testing

@testable import Hilt

@Suite("Patterns")
struct PatternTests {
  /// The first match and its parts, as texts: `nil` for no match.
  static func match(_ pattern: Pattern, _ text: String) -> [String?]? {
    var text = text
    return text.withUTF8 { bytes in
      var search = PatternSearch(pattern, wantsParts: true)
      guard search.find(in: bytes, from: 0, workMax: .max) == true else { return nil }
      return stride(from: 0, to: search.found.count, by: 2).map { slot in
        let (start, end) = (Int(search.found[slot]), Int(search.found[slot + 1]))
        return start < 0 || end < 0 ? nil : String(decoding: bytes[start..<end], as: UTF8.self)
      }
    }
  }

  @Test(
    "The first match is found, and of several the one that the pattern prefers",
    arguments: [
      ("abc", "xxabcxx", "abc"), ("a|ab", "ab", "a"), ("ab|a", "ab", "ab"), ("a*", "aaa", "aaa"), ("a*?", "aaa", ""),
      ("a+?", "aaa", "a"), ("a{2}", "aaa", "aa"), ("a{2,}", "aaa", "aaa"), ("a{1,2}?", "aaa", "a"),
      ("a{0}b", "ab", "b"),
      ("^b", "ab", nil), ("b$", "ab", "b"), ("a$", "ab", nil), ("^$", "", ""), ("", "abc", ""), (".", "\n", nil),
      (".+", "ab\ncd", "ab"), ("[a-c]+", "xxabcd", "abc"), ("[^a-c]+", "abxyc", "xy"), ("[a^-]+", "x^-a", "^-a"),
      ("[-a]", "-", "-"), ("[\\]]", "]", "]"), ("[\\d.]+", "x1.5y", "1.5"), ("\\d{4}", "born 1980", "1980"),
      ("\\D+", "12ab3", "ab"), ("\\W", "a b", " "), ("\\S+", " ab ", "ab"), ("[^\\W_]+", "_a1_", "a1"),
      ("\\bcat\\b", "concat cat", "cat"), ("\\Bcat", "cat concat", "cat"), ("(?i)straße", "STRAßE", "STRAßE"),
      ("(?i)[a-z]+", "ABC", "ABC"), ("(?i)ü", "Ü", "Ü"), ("é+", "caféé", "éé"), (".", "😀", "😀"),
      ("[à-ü]+", "Müll", "ü"),
      ("\\p{Lu}\\p{Ll}+", "éÉéz1", "Éé" + "z"), ("\\P{L}+", "ab12c", "12"), ("\\/", "a/b", "/"),
      ("\\x41\\x{E9}", "Aé", "Aé"),
      ("a\\.b", "axb a.b", "a.b"), ("(?:ab)+", "xababa", "abab"), ("(a|b)*c", "abac", "abac"), ("\\t", "a\tb", "\t"),
      ("x*", "aaa", ""), ("(?:a?){3}b", "aab", "aab"), ("[a-z]{2}\\d|b\\d", "ab1", "ab1"), ("[[]", "[", "["),
    ] as [(String, String, String?)])
  func golden(_ source: String, _ text: String, _ expected: String?) throws {
    let pattern = try Pattern(Array(source.utf8))
    #expect(Self.match(pattern, text)?[0] == expected)
  }

  @Test("Parts are those of the preferred match; one in a loop is the last turn's")
  func parts() throws {
    func parts(_ source: String, _ text: String) throws -> [String?]? {
      try Self.match(Pattern(Array(source.utf8)), text).map { Array($0.dropFirst()) }
    }
    #expect(try parts("(?<y>\\d{4})-(?<m>\\d\\d)", "on 1980-02") == ["1980", "02"])
    #expect(try parts("(?<a>x)|(?<b>y)", "y") == [nil, "y"])
    #expect(try parts("(?<a>\\w)+", "abc") == ["c"])
    #expect(try parts("(?<a>a*)(?<b>a*)", "aaa") == ["aaa", ""])
    #expect(try parts("(?<a>a*?)(?<b>a*)", "aaa") == ["", "aaa"])
    #expect(try parts("(?<a>a*)*", "b") == [""])
    #expect(try parts("(?<a>a|ab)(?<b>c|bcd)", "abcd") == ["a", "bcd"])
    #expect(try parts("(?<a>(?<b>a)|b)*", "ab") == ["b", "a"])
  }

  @Test func `a search that another would never end costs no more than its text and its pattern`() throws {
    let text = String(repeating: "a", count: 100_000)
    for source in ["(a*)*b", "(a|aa)+$b", "(?<x>a*)*b", "(.*)(.*)(.*)(.*)(.*)b", "(a?){50}b", "(\\w+\\s?)+b"] {
      let pattern = try Pattern(Array(source.utf8))
      var text = text
      let (found, work) = text.withUTF8 { bytes in
        var search = PatternSearch(pattern, wantsParts: false)
        return (search.find(in: bytes, from: 0, workMax: .max), search.work)
      }
      #expect(found == false)
      #expect(work <= 100_001 * (2 * pattern.instructions.count + 1), "\(source)")
    }
  }

  @Test func `a search beyond its budget ends without an answer`() throws {
    let pattern = try Pattern(Array("(a*)*b".utf8))
    var text = String(repeating: "a", count: 10_000)
    text.withUTF8 { bytes in
      var search = PatternSearch(pattern, wantsParts: true)
      #expect(search.find(in: bytes, from: 0, workMax: 1_000) == nil)
      #expect(search.work < 1_100)
    }
  }

  static let seed = ProcessInfo.processInfo.environment["HILT_SEED"].flatMap { UInt64($0) } ?? 20_240_229

  @Test("Matches and parts agree with a backtracking engine on random patterns")
  func random() throws {
    var generator = SeededGenerator(seed: Self.seed)
    var count = 0
    for turn in 0..<4_000 {
      var writer = PatternWriter(generator: generator)
      let source = writer.pattern()
      generator = writer.generator
      let pattern = try Pattern(Array(source.utf8))
      let other = try NSRegularExpression(pattern: source)
      for _ in 0..<5 {
        let length = Int.random(in: 0...12, using: &generator)
        let text = String((0..<length).map { _ in "abc1 -".randomElement(using: &generator) ?? "a" })
        let found = other.firstMatch(in: text, range: NSRange(location: 0, length: length))
        let expected = found.map { found in
          (0..<found.numberOfRanges).map { index -> String? in
            Range(found.range(at: index), in: text).map { String(text[$0]) }
          }
        }
        let shown = "/\(source)/ in '\(text)', turn \(turn), seed \(Self.seed)"
        #expect(Self.match(pattern, text) == expected, Comment(rawValue: shown))
        if expected != nil { count += 1 }
      }
    }
    #expect(count > 2_000, "most patterns are found")
  }

  @Test("Patterns of random signs are read or refused, and never trap")
  func hostile() {
    var generator = SeededGenerator(seed: Self.seed &+ 1)
    let signs = Array("ab*+?{}()[]|^$.\\-:<>=!,019dwsbBpPLxié/ ".map(String.init)) + ["(?<a>", "(?:", "(?i)", "{2,3}"]
    for turn in 0..<20_000 {
      let source = (0..<Int.random(in: 0...14, using: &generator))
        .map { _ in signs.randomElement(using: &generator) ?? "" }.joined()
      do {
        let pattern = try Pattern(Array(source.utf8))
        _ = Self.match(pattern, "abé 01\n")
      } catch {
        let size = max(1, source.utf8.count)
        #expect(error.range.lowerBound <= size && error.range.upperBound <= size + 1, "\(source), turn \(turn)")
        #expect(!error.range.isEmpty)
      }
    }
  }

  @Test(
    "What no pattern is, or none that is searched in linear time, is said where it stands",
    arguments: [
      ("a(b", 1..<2, "has no end"), ("a)b", 1..<2, "closes nothing"), ("a**", 2..<3, "repeated already"),
      ("*a", 0..<1, "nothing here to repeat"), ("a{2", 1..<3, "begins a count"), ("a{3,2}", 1..<6, "backwards"),
      ("a{1001}", 1..<7, "up to 1000"), ("[z-a]", 1..<4, "backwards"), ("[a", 0..<1, "no end"), ("[]", 0..<2, "empty"),
      ("(a)\\1", 3..<5, "refer"), ("a(?=b)", 1..<4, "ahead or behind"), ("a(?<!b)", 1..<5, "ahead or behind"),
      ("\\q", 0..<2, "knows no"), ("\\p{Greek}", 0..<9, "named here"), ("(?P<n>a)", 0..<4, "(?<name>"),
      ("(?<n>a)(?<n>b)", 10..<11, "twice"), ("(?<1>a)", 0..<4, "name"), ("a\\", 1..<2, "nothing follows"),
      ("[[:alpha:]]", 1..<3, "in a class"), ("((a{100}){100})", 0..<15, "too large"), ("^*", 1..<2, "repeat"),
      ("é(", 2..<3, "no end"), ("a(?i)b", 1..<4, "pattern's start"), ("\\x4", 0..<3, "no character"),
    ])
  func refused(_ source: String, _ range: Range<Int>, _ words: String) {
    do {
      _ = try Pattern(Array(source.utf8))
      Issue.record("\(source) was taken")
    } catch {
      #expect(error.range == range && error.message.contains(words), "\(error)")
    }
  }

  @Test("Nesting and length have bounds")
  func bounds() {
    let deep = String(repeating: "(", count: 5_000)
    #expect(throws: LiteralError.self) { try Pattern(Array(deep.utf8)) }
    let most = String(repeating: "(", count: 32) + "a" + String(repeating: ")", count: 32)
    #expect(throws: Never.self) { try Pattern(Array(most.utf8)) }
    #expect(throws: LiteralError.self) { try Pattern(Array(repeating: 0x61, count: 4_097)) }
    let nested =
      "(?:" + String(repeating: "(?:", count: 30) + "a" + String(repeating: "){1000})", count: 1)
      + String(repeating: "{1000})", count: 30)
    #expect(throws: LiteralError.self) { try Pattern(Array(nested.utf8)) }
  }
}

/// Writes patterns of which all engines say the same: nothing that can be empty is repeated.
private struct PatternWriter {
  var generator: SeededGenerator
  private var partCount = 0

  init(generator: SeededGenerator) { self.generator = generator }

  mutating func pattern() -> String {
    var text = chance(8) ? "(?i)" : ""
    if chance(6) { text += "^" }
    text += alternatives(3)
    if chance(6) { text += "$" }
    return text
  }

  private mutating func chance(_ of: Int) -> Bool { Int.random(in: 0..<of, using: &generator) == 0 }

  private mutating func alternatives(_ depth: Int) -> String {
    let count = chance(3) ? 2 : 1
    return (0..<count).map { _ in sequence(depth) }.joined(separator: "|")
  }

  private mutating func sequence(_ depth: Int) -> String {
    (0..<Int.random(in: 1...3, using: &generator)).map { _ in piece(depth) }.joined()
  }

  private mutating func piece(_ depth: Int) -> String {
    if chance(12) { return ["\\b", "\\B"].randomElement(using: &generator) ?? "" }
    var repeats = true
    let atom: String
    if depth > 0, chance(3) {
      let inner = alternatives(depth - 1)
      repeats = !canBeEmpty(inner)
      if chance(2) {
        partCount += 1
        atom = "(?<p\(partCount)>\(inner))"
      } else {
        atom = "(?:\(inner))"
      }
    } else {
      let atoms = ["a", "b", "c", "1", "A", ".", "[ab]", "[^a]", "[a-c1]", "\\d", "\\w", "\\s", "\\S", "[\\d-]", "\\-"]
      atom = atoms.randomElement(using: &generator) ?? "a"
    }
    guard repeats, chance(2) else { return atom }
    let counts = ["*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}"].randomElement(using: &generator) ?? "*"
    return atom + counts + (chance(4) ? "?" : "")
  }

  private func canBeEmpty(_ source: String) -> Bool {
    guard let expression = try? NSRegularExpression(pattern: "^(?:\(source))$") else { return true }
    // Assertions hold or not with what stands around; then nothing is said.
    if source.contains("\\b") || source.contains("\\B") { return true }
    return expression.firstMatch(in: "", range: NSRange(location: 0, length: 0)) != nil
  }
}
