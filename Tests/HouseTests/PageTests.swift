import Foundation
import Testing

/// Pages that lead somewhere: errors that can be explained, links that hold, references that are made from the code.
@Suite struct PageTests {
  /// Codes as they stand in the code: a capital letter and three digits in quotes.
  private static func codes(_ text: String) -> Set<String> {
    var codes: Set<String> = []
    for part in text.split(separator: "\"", omittingEmptySubsequences: false) where part.utf8.count == 4 {
      guard let first = part.first, "CEW".contains(first), part.dropFirst().allSatisfy(\.isWholeNumber) else {
        continue
      }
      codes.insert(String(part))
    }
    return codes
  }

  @Test func `every page of a problem is reached from the code, and every problem has a page`() throws {
    let pages = Set(try House.files(in: "docs/errors", "md").map { String($0.dropFirst(12).dropLast(3)) })
    var known: Set<String> = []
    for file in try House.files(in: "Sources", "swift") { known.formUnion(Self.codes(try House.text(file))) }
    #expect(pages.subtracting(known).subtracting(["README"]).sorted() == [])
    #expect(known.subtracting(pages).sorted() == [])
    #expect(!pages.isEmpty)
  }

  @Test func `a page of a problem says which, why and what to do`() throws {
    for file in try House.files(in: "docs/errors", "md") where !file.hasSuffix("README.md") {
      let text = try House.text(file)
      #expect(text.hasPrefix("# \(file.dropFirst(12).dropLast(3)): "), "\(file)")
      #expect(text.split(separator: "\n").count >= 3, "\(file) says too little")
    }
  }

  @Test func `the first page names what a newcomer runs`() throws {
    let text = try House.text("README.md")
    let makefile = try House.text("Makefile")
    for target in ["demo", "test"] {
      #expect(text.contains("make \(target)"), "README.md doesn't name `make \(target)`")
      #expect(makefile.contains("\n\(target):"), "the Makefile has no `\(target)`")
    }
  }

  @Test func `a page of the reference says what made it`() throws {
    for file in try House.files(in: "docs/reference", "md") {
      let head = try House.lines(file).prefix(5).joined(separator: " ").lowercased()
      #expect(head.contains("made") && head.contains("do not edit"), "\(file) doesn't say that it is generated")
    }
  }

  @Test func `every test that the page of faults names is there`() throws {
    let tests = try House.files(in: "Tests", "swift").map { try House.text($0) }.joined()
    let rows = try House.lines("docs/faults.md").filter { $0.hasPrefix("| ") && $0.contains("`") }
    #expect(rows.count > 40)
    for row in rows {
      let cell = row.split(separator: Character("|")).last ?? ""
      let named = cell.split(separator: Character("`")).map { String($0) }.filter { $0.count > 5 }
      #expect(!named.isEmpty, "no test: \(row)")
      for name in named {
        let isThere = tests.contains("`\(name)`(")
        #expect(isThere, "docs/faults.md names no test of ours: \(name)")
      }
    }
  }

  @Test func `links between pages hold`() throws {
    for file in try House.files(in: "", "md") where !file.hasPrefix("Tests/Corpus/") {
      let folder = House.root.appending(path: file).deletingLastPathComponent()
      for piece in try House.text(file).components(separatedBy: "](").dropFirst() {
        let target = piece.prefix { $0 != ")" && $0 != "#" && $0 != " " && $0 != "\n" }
        guard !target.isEmpty, !target.contains("://"), !target.hasPrefix("mailto:") else { continue }
        let exists = FileManager.default.fileExists(atPath: folder.appending(path: String(target)).path)
        #expect(exists, "\(file) links to \(target)")
      }
    }
  }

  @Test func `what the corpus holds says where it comes from`() throws {
    let corpus = House.root.appending(path: "Tests/Corpus")
    for kind in try FileManager.default.contentsOfDirectory(atPath: corpus.path) where !kind.hasPrefix(".") {
      let notes = try House.files(in: "Tests/Corpus/\(kind)", "md").filter { $0.hasSuffix("README.md") }
      #expect(!notes.isEmpty, "Tests/Corpus/\(kind) has no README.md with the origin")
    }
  }
}
