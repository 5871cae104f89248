import Connectors
@testable import Definitions
import Foundation
import Messages
import Testing

/// Pages that are made from the code, and text that is compiled into it, are what they would be if they were made now.
///
/// `ACCEPT=1 swift test --filter GeneratedPagesTests` writes them as `make generate` does.
@Suite struct GeneratedPagesTests {
  static let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The connectors of the `hilum` program.
  static let registry = ConnectorRegistry(
    sources: [MLLPSource.self, DICOMSource.self, FileSource.self, ChannelSource.self],
    destinations: [
      MLLPDestination.self, DICOMDestination.self, STOWDestination.self, FileDestination.self, ChannelDestination.self,
    ])

  static func errorFiles() throws -> [String: String] {
    let folder = root.appending(path: "docs/errors")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".md") }
    return try Dictionary(
      uniqueKeysWithValues: names.map { ($0, try String(contentsOf: folder.appending(path: $0), encoding: .utf8)) })
  }

  private func check(_ path: String, is text: String) throws {
    let file = Self.root.appending(path: path)
    if ProcessInfo.processInfo.environment["ACCEPT"] != nil {
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let there = try? String(contentsOf: file, encoding: .utf8)
    #expect(there == text, "\(path) is out of date: run `make generate`")
  }

  @Test func `the reference of channel files is current`() throws {
    try check("docs/reference/channel-files.md", is: ChannelReference.markdown(Self.registry))
  }

  @Test func `the pages of problems are compiled in as they stand in docs`() throws {
    try check("Sources/CErrorPages/pages.md", is: ErrorPages.joined(Self.errorFiles()))
  }

  @Test func `each page is found by its code`() throws {
    let files = try Self.errorFiles()
    let joined = ErrorPages.split(ErrorPages.joined(files))
    for (name, text) in files where name != "README.md" {
      #expect(joined[String(name.dropLast(3))] == text, "\(name)")
    }
    #expect(ErrorPages.page("c101")?.hasPrefix("# C101: ") == true)
    #expect(ErrorPages.page("C999") == nil)
    #expect(ErrorPages.codes.contains("C133"))
  }

  @Test func `every code of settings and channel files has a page, and every page a code`() throws {
    var codes: Set<String> = []
    for room in ["ConnectorKit", "Definitions", "Connectors"] {
      let folder = Self.root.appending(path: "Sources/\(room)")
      for case let file as URL in FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) ?? .init()
      where file.pathExtension == "swift" {
        for code in try String(contentsOf: file, encoding: .utf8).matches(of: /"(C[0-9]{3})"/) {
          codes.insert(String(code.output.1))
        }
      }
    }
    let pages = try Self.errorFiles().keys.filter { $0.hasPrefix("C") }.map { String($0.dropLast(3)) }
    #expect(codes.subtracting(pages).sorted() == [])
    #expect(Set(pages).subtracting(codes).sorted() == [])
  }

  @Test func `a page begins with its code and shows right and wrong in a few lines`() throws {
    for (name, text) in try Self.errorFiles() where name.hasPrefix("C") {
      #expect(text.hasPrefix("# \(name.dropLast(3)): "), "\(name)")
      #expect(text.split(separator: "\n").count < 60, "\(name)")
      #expect(!text.contains("\n<!-- page "), "\(name)")
    }
  }

  @Test func `the channels of the repository can be put to work`() throws {
    let folder = Self.root.appending(path: "Channels").path
    let loaded = ChannelLoader(registry: Self.registry).load(folder: folder)
    #expect(loaded.rendered() == "")
    #expect(loaded.definitions.map(\.name.text) == ["adt-to-ehr", "drop-to-archive"])
    #expect(loaded.definitions.first?.destinations.map(\.name) == ["ehr", "archive"])
    #expect(loaded.definitions.first?.revision.files.map(\.path).contains("../Transforms/codes/wards.csv") == true)
  }
}
