import Foundation
import HL7
import Hilt
import Messages
import Testing

@Suite("The page about the language")
struct TourTests {
  static let page = "docs/hilt.md"
  private static let read = try? PageExample.read(page)
  static let examples = read?.examples ?? []

  /// The blocks of the page that are given no input of their own, each as a whole program.
  static let programs: [(name: String, source: String)] = {
    let blocks = read?.others ?? []
    guard let frame = blocks.first?.components(separatedBy: "# … the statements of the block …\n"), frame.count == 2
    else { return [] }
    return blocks.map { block in
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

  @Test("Every program with an input gives what the page shows", arguments: examples)
  func gives(_ example: PageExample) {
    example.check()
  }

  @Test("The page has its blocks")
  func some() {
    #expect(Self.programs.count > 10)
    #expect(Self.examples.count > 10)
  }
}
