import Foundation
import Testing

/// Words that have no place in a finished room.
@Suite struct WordTests {
  /// Each with what to do instead. Written in two halves, so that this file doesn't hold them.
  static let forbidden: [(word: String, instead: String)] = [
    ("TO" + "DO", "do it, or write down in docs/decisions why not"),
    ("FIX" + "ME", "do it, or write down in docs/decisions why not"),
    ("try" + "!", "an error is thrown or handled"),
    ("fatal" + "Error(", "what comes from outside is an error; our own mistakes are `preconditionFailure`"),
  ]

  @Test func `no room holds a word that stands for work undone or for giving up`() throws {
    for file in try House.files(in: "Sources", "swift") {
      let text = try House.text(file)
      for (word, instead) in Self.forbidden where text.contains(word) {
        Issue.record("\(file) holds `\(word)`: \(instead)")
      }
    }
  }

  @Test func `only the command line prints`() throws {
    for file in try House.files(in: "Sources", "swift") where !file.hasPrefix("Sources/hilum/") {
      for (number, line) in try House.lines(file).enumerated() where line.contains("print(") {
        let code = line.drop { $0 == " " }
        guard !code.hasPrefix("//") else { continue }
        let before = line[..<(line.range(of: "print(")?.lowerBound ?? line.startIndex)].last
        let isAnotherWord = before.map { $0.isLetter || $0 == "." || $0 == "_" } ?? false
        #expect(isAnotherWord, "\(file):\(number + 1) prints")
      }
    }
  }

  @Test func `no file leans on what lies outside the package`() throws {
    let outside = ["shared" + "/design", "shared" + "/data", ".." + "/shared", "/work" + "/"]
    for file in try House.files() where !file.hasPrefix("Tests/Corpus/") || file.hasSuffix(".md") {
      let text = try House.text(file)
      for place in outside where text.contains(place) { Issue.record("\(file) mentions \(place)") }
    }
  }

  @Test func `names say what a thing is`() throws {
    let empty = ["Manager", "Helper", "Util", "Utils", "Impl"]
    for file in try House.files(in: "Sources", "swift") {
      let name = file.split(separator: "/").last?.dropLast(".swift".count) ?? ""
      for word in empty { #expect(!name.hasSuffix(word), "\(file)") }
    }
  }
}
