import Foundation
import Testing

@testable import Hilt

@Suite("Pages of the language's problems")
struct PagesTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs/errors").standardized

  @Test("Every code has its page, and the page is of that code", arguments: Code.allCases)
  func page(_ code: Code) throws {
    let url = Self.folder.appending(path: "\(code.rawValue).md")
    let text = try String(contentsOf: url, encoding: .utf8)
    #expect(text.hasPrefix("# \(code.rawValue): "))
    #expect(text.contains("## "), "\(code.rawValue) says what to do")
  }

  @Test("Every page of the language's ranges has its code")
  func codes() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    let codes = names.filter { $0.hasSuffix(".md") }.map { String($0.dropLast(3)) }
    let ours = codes.filter { code in
      code.first == "W" && code.count == 4 || "E0E1E2E3E4E5E6E9".contains(code.prefix(2)) && code.count == 4
    }
    #expect(Set(ours).subtracting(Code.allCases.map(\.rawValue)) == [])
  }
}
