@testable import Definitions
import Foundation
import Messages
import Testing

/// Mistakes as people make them, each a channel file beside what `hilum check` says of it.
///
/// `ACCEPT=1 swift test --filter DiagnosticsTests` writes what is said now; read the difference before it is committed.
@Suite struct DiagnosticsTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Diagnostics")

  static let cases: [String] = files(in: folder, ending: ".yaml").map { String($0.dropLast(5)) }

  static func files(in folder: URL, ending: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(ending) }.sorted()
  }

  @Test(arguments: cases) func `a mistake is shown as agreed`(name: String) throws {
    var texts: [String: String] = [:]
    for (folder, ending) in [("Transforms", ".hilt"), ("Transforms/codes", ".csv")] {
      for file in Self.files(in: Self.folder.appending(path: folder), ending: ending) {
        texts["\(folder)/\(file)"] = try text(Self.folder.appending(path: "\(folder)/\(file)"))
      }
    }
    let channel = "Channels/\(name).yaml"
    texts[channel] = try text(Self.folder.appending(path: "\(name).yaml"))
    let said = load(texts, [channel]).rendered()
    let expected = Self.folder.appending(path: "\(name).expected")
    if ProcessInfo.processInfo.environment["ACCEPT"] != nil {
      try said.write(to: expected, atomically: true, encoding: .utf8)
    }
    #expect(try said == text(expected))
  }

  @Test func `there is a case for each mistake that is made often`() {
    #expect(Self.cases.count >= 15)
  }

  private func text(_ file: URL) throws -> String { try String(contentsOf: file, encoding: .utf8) }
}
