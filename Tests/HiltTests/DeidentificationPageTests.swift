import Messages
import Testing

@testable import Hilt

@Suite("The page on de-identifying images")
struct DeidentificationPageTests {
  static let page = "docs/deidentification.md"
  private static let others = (try? PageExample.read(page).others) ?? []

  @Test("The page has its programs")
  func some() { #expect(Self.others.count == 4) }

  @Test("Every block is a part of a program without a problem", arguments: others.indices)
  func block(_ index: Int) {
    let block = Self.others[index]
    let isHL7 = block.contains("PID-")
    let begins = isHL7 ? "in hl7 2.5.1\n  out hl7\nlet out = copy msg" : "in dicom\n  out dicom"
    let ends = block.contains("emit") ? "" : block.contains("out") ? "emit out\n" : "emit msg\n"
    let source = "transform page\n  \(begins)\n\(block)\(ends)"
    let (program, problems) = HiltProgram.compile(source, file: "page.hilt", files: TrialKeys())
    #expect(problems.map { $0.rendered(source: source) } == [])
    #expect(program != nil)
  }
}
