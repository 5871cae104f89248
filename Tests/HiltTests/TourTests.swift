import Foundation
import HL7
import Hilt
import Messages
import Testing

@Suite("The page about the language")
struct TourTests {
  private static let page = Corpus.root.appending(path: "docs/hilt.md")

  /// The blocks of the page, each as a whole program.
  static let programs: [(name: String, source: String)] = {
    let text = (try? String(contentsOf: page, encoding: .utf8)) ?? ""
    let blocks = text.components(separatedBy: "```hilt\n").dropFirst().map { block in
      block.components(separatedBy: "```")[0]
    }
    guard let frame = blocks.first?.components(separatedBy: "# … the statements of the block …\n"), frame.count == 2
    else { return [] }
    return blocks.enumerated().map { index, block in
      let source = block.hasPrefix("transform") ? block : frame[0] + block + frame[1]
      let name = source.split(separator: "\n")[0].split(separator: " ").last.map(String.init) ?? ""
      return (name, source)
    }
  }()

  @Test("Every block compiles without a problem and makes of a message what it should", arguments: programs.indices)
  func block(_ index: Int) throws {
    let (name, source) = Self.programs[index]
    let files = Corpus.Folder(url: Corpus.root.appending(path: "Transforms"))
    let (program, problems) = HiltProgram.compile(source, file: "\(name).hilt", files: files)
    #expect(problems.map { $0.rendered(source: source) } == [])
    let message = try HL7Message(
      Array(
        [
          #"MSH|^~\&|PAS|RXX|EHR|RXX|20240229103000||ADT^A01|42|P|2.5.1"#,
          "PID|1||12345^^^RXX^MR~9434765919^^^NHS^NH||Müller^Anna||19800229|F", "NK1|1|Müller^Hans|SPO", "PV1|1|I",
        ].map { $0 + "\r" }.joined().utf8))
    let result = try #require(program).run(HiltInput(message))
    #expect(result.decision == .routed, "\(name): \(result.decision)")
    #expect(!result.emitted.isEmpty)
  }

  @Test("The page has its blocks")
  func some() {
    #expect(Self.programs.count > 10)
  }
}
