import Foundation
import Hilt
import Testing

/// What editors know of the language is what the language is.
@Suite struct EditorTests {
  private static let folder = "editors/vscode"

  private static func json(_ name: String) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(try House.text("\(folder)/\(name)").utf8))
    return try #require(object as? [String: Any], "\(name)")
  }

  /// All words of the language.
  private static let words: Set<String> = [
    HiltVocabulary.headers, HiltVocabulary.statements, HiltVocabulary.decisions, HiltVocabulary.connecting,
    HiltVocabulary.making, HiltVocabulary.values, HiltVocabulary.roots, HiltVocabulary.forms, HiltVocabulary.types,
    HiltVocabulary.formats, HiltVocabulary.releases,
  ].reduce(into: []) { $0.formUnion($1) }

  @Test func `the grammar colours the words of the language and no others`() throws {
    let grammar = String(
      decoding: try JSONSerialization.data(withJSONObject: Self.json("syntaxes/hilt.tmLanguage.json")), as: UTF8.self)
    var coloured: Set<String> = []
    // Lists of words stand in parentheses behind a word's border.
    for match in grammar.matches(of: /\\\\b\(([a-z0-9_|]+)\)/) {
      coloured.formUnion(match.1.split(separator: "|").map(String.init))
    }
    #expect(coloured.subtracting(Self.words).isEmpty, "no words of the language")
    #expect(Self.words.subtracting(coloured).isEmpty, "words without a colour")
  }

  @Test func `the words of the language are those that its parser looks for`() throws {
    var looked: Set<String> = []
    var literals: Set<String> = []
    for file in try House.files(in: "Sources/Hilt/Syntax", "swift") {
      let text = try House.text(file)
      for match in text.matches(of: /"([a-z][a-z0-9]*)"/) { literals.insert(String(match.1)) }
      guard file.hasPrefix("Sources/Hilt/Syntax/Parser"), !file.hasSuffix("Parser+Foreign.swift") else { continue }
      for match in text.matches(of: /(?:takeWord|isWord|expectWord)\("([a-z]+)"/) { looked.insert(String(match.1)) }
      for line in text.split(separator: "\n") where line.contains(/^ *case "/) {
        let words = line.prefix { $0 != ":" }
        for match in words.matches(of: /"([a-z][a-z0-9]*)"/) { looked.insert(String(match.1)) }
      }
    }
    // A slip for `after`, which is told so.
    looked.remove("before")
    #expect(looked.subtracting(Self.words).isEmpty, "words that editors don't know")
    // Those that the parser finds by the cases of an enumeration.
    let enumerated = Set(HiltVocabulary.decisions + HiltVocabulary.forms + ["valued", "absent", "null"])
    let named = Set(HiltVocabulary.roots + HiltVocabulary.types)
    let unknown = Self.words.subtracting(literals).subtracting(enumerated).subtracting(named)
    #expect(unknown.isEmpty, "words that the parser doesn't know")
  }

  @Test func `its files are there and can be read`() throws {
    let package = try Self.json("package.json")
    let contributes = try #require(package["contributes"] as? [String: Any])
    var paths = [package["main"] as? String]
    for kind in ["grammars", "snippets", "languages"] {
      for entry in contributes[kind] as? [[String: Any]] ?? [] {
        paths.append((entry["path"] ?? entry["configuration"]) as? String)
      }
    }
    #expect(paths.count == 4)
    for path in paths {
      let name = String(try #require(path).dropFirst(2))
      if name.hasSuffix(".json") {
        #expect(try !Self.json(name).isEmpty)
      } else {
        #expect(try !House.text("\(Self.folder)/\(name)").isEmpty)
      }
    }
    for file in try House.files(in: Self.folder) {
      #expect(!file.contains("node_modules") && !file.hasSuffix(".vsix"), "\(file) is made, not written")
    }
  }

  @Test func `every pattern of the grammar can be read`() throws {
    func patterns(_ node: Any) -> [String] {
      if let list = node as? [Any] { return list.flatMap(patterns) }
      guard let object = node as? [String: Any] else { return [] }
      return object.flatMap { key, value in
        if let text = value as? String { return ["match", "begin"].contains(key) ? [text] : [] }
        return patterns(value)
      }
    }
    let all = patterns(try Self.json("syntaxes/hilt.tmLanguage.json"))
    #expect(all.count > 20)
    for pattern in all {
      #expect(throws: Never.self, "\(pattern)") { try NSRegularExpression(pattern: pattern) }
    }
  }

  @Test func `its commands are those that it has, and those of the server`() throws {
    let script = try House.text("\(Self.folder)/extension.js")
    let contributes = try #require(try Self.json("package.json")["contributes"] as? [String: Any])
    for command in contributes["commands"] as? [[String: Any]] ?? [] {
      let name = try #require(command["command"] as? String)
      #expect(script.contains(name.dropFirst("hilt.".count)), "\(name)")
    }
    let server = try House.text("Sources/LanguageServer/LanguageServer.swift")
    for match in script.matches(of: /"(hilum\.[a-zA-Z]+)"/) { #expect(server.contains("\"\(match.1)\""), "\(match.1)") }
  }
}
