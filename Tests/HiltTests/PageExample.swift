import Foundation
import Testing

/// A program on a page of the documentation with something that it is given, and what the page says comes of it.
///
/// A block that begins with `transform` is a program. The blocks behind it belong to it: `input` (one program can have
/// several, each with what follows it), `sent`, `original` and `message`, and what is expected: `output` with perhaps
/// the destinations, `meta`, `notes`, `outcome` (without one it is `routed`); or, in place of all these, `problems`. A
/// block with a second word, such as `csv codes/sex.csv`, is a file that every program of the page can read. All
/// others are passed over.
struct PageExample: Sendable, CustomStringConvertible {
  let description: String
  let given: ConformanceCase

  /// All examples of a page, and the texts of its programs that are given nothing.
  static func read(_ page: String) throws -> (examples: [PageExample], others: [String]) {
    let text = try String(contentsOf: Corpus.root.appending(path: page), encoding: .utf8)
    let blocks = blocks(of: text)
    let files = blocks.compactMap { block -> ConformanceCase.Section? in
      let words = block.info.split(separator: " ")
      guard words.count == 2, words[0] != "output" else { return nil }
      return ConformanceCase.Section(name: "file", argument: String(words[1]), text: block.text)
    }
    var (examples, others): ([PageExample], [String]) = ([], [])
    var index = 0
    while index < blocks.count {
      let program = blocks[index]
      index += 1
      guard program.info == "hilt" else { continue }
      var cases: [[ConformanceCase.Section]] = []
      while index < blocks.count, blocks[index].info != "hilt" {
        let words = blocks[index].info.split(separator: " ", maxSplits: 1).map(String.init)
        let section = ConformanceCase.Section(
          name: words.first ?? "", argument: words.count > 1 ? words[1] : "", text: blocks[index].text)
        if section.name == "input" || section.name == "problems" {
          cases.append([section])
        } else if !cases.isEmpty, names.contains(section.name) {
          cases[cases.count - 1].append(section)
        }
        index += 1
      }
      if cases.isEmpty { others.append(program.text) }
      for (number, sections) in cases.enumerated() {
        let head = program.text.prefix { $0 != "\n" }
        let given = ConformanceCase(
          description: "\(page): \(head), input \(number + 1)", program: program.text, sections: files + sections)
        examples.append(PageExample(description: given.description, given: given))
      }
    }
    return (examples, others)
  }

  private static let names: Set<String> = [
    "sent", "original", "message", "output", "meta", "notes", "outcome",
  ]

  private static func blocks(of text: String) -> [(info: String, text: String)] {
    var blocks: [(info: String, text: String)] = []
    var isOpen = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") {
        if !isOpen { blocks.append((String(line.dropFirst(3)), "")) }
        isOpen.toggle()
      } else if isOpen {
        blocks[blocks.count - 1].text += line + "\n"
      }
    }
    return blocks
  }

  /// Runs the program and compares what the page shows; what it doesn't show of notes, outputs or their attributes is
  /// passed over, a problem or another outcome never is.
  func check() {
    let shown = Set(given.sections.map(\.name)).union(["outcome", "problems"])
    let actual = given.actual().filter { shown.contains($0.name) }.map { section in
      var section = section
      if section.name == "output", section.text == "= input\n" { section.text = given.sections("input")[0].text }
      if section.name == "notes" {
        let notes = section.text.split(separator: "\n").map { $0.drop { $0 != " " }.dropFirst() + "\n" }
        section.text = notes.joined()
      }
      return section
    }
    var expected = given.sections.filter { !ConformanceTests.given.contains($0.name) }
    if given.sections("outcome").isEmpty, given.sections("problems").isEmpty {
      expected.append(ConformanceCase.Section(name: "outcome", argument: "", text: "routed\n"))
    }
    #expect(Self.text(actual) == Self.text(expected), "\(description)")
  }

  private static func text(_ sections: [ConformanceCase.Section]) -> String {
    sections.map { "---------- \($0.name) \($0.argument)".trimmed + "\n" + $0.text }.joined()
  }
}
