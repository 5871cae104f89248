import Foundation
import Hilt
import Messages
import Testing

@testable import Authoring

@Suite struct FixesTests {
  private func fixed(_ text: String) throws -> (text: String, codes: [String]) {
    let workshop = try Workshop()
    let path = try workshop.write("t.hilt", text)
    let changes = try Fixes.apply {
      HiltProgram.compile(try ProgramFiles.text(path), file: path).problems
    }
    return (workshop.read("t.hilt") ?? "", changes.flatMap(\.done).map(\.code))
  }

  @Test func `what is sure is changed, round by round, and nothing else`() throws {
    let (text, codes) = try fixed(
      """
      transform t
        in  hl7 2.3..2.6
        out hl7
      let count = 5;
      let less = count-1
      let sex = 'M'  // why
      if PID-8 = sex && less > 3 { note “é {less}” }
      note uper(PID-8)
      emit mgs
      note "{cuont}"

      """)
    #expect(
      text == """
        transform t
          in  hl7 2.3..2.6
          out hl7
        let count = 5
        let less = count - 1
        let sex = "M"  # why
        if PID-8 == sex and less > 3 { note "é {less}" }
        note upper(PID-8)
        emit mgs
        note "{count}"

        """)
    #expect(codes.sorted() == ["E100", "E100", "E100", "E100", "E100", "E100", "E102", "E110", "E111", "E113"])
  }

  @Test func `what other languages write is changed to what stands for it here`() throws {
    let (text, _) = try fixed(
      """
      transform t
        in  hl7 2.5.1
        out hl7 2.5.1
      let out = copy msg
      tmp['PID']['PID.8']['PID.8.1'] = msg['PID']['PID.8']['PID.8.1'].toString();
      note "{msg['PID']['PID.3'][i]['PID.3.1']}"
      IF !(PID-8 === "M" || PID-1 <> "1") { delete out.NK1[1] }
      elsif PID-3[.5 == "MR"] is valued && PID-8 matches /m/i { emt out }
      emit out

      """)
    #expect(
      text == """
        transform t
          in  hl7 2.5.1
          out hl7 2.5.1
        let out = copy msg
        out.PID-8 = PID-8
        note "{msg['PID']['PID.3'][i]['PID.3.1']}"
        if not (PID-8 == "M" or PID-1 != "1") { remove out.NK1[1] }
        else if PID-3[where .5 == "MR"] is valued and PID-8 matches /(?i)m/ { emit out }
        emit out

        """)
  }

  @Test func `a name that could be one of two, or a short one, is left to its author`() throws {
    let text =
      "transform t\n  in hl7\n  out hl7\nlet warda = 1\nlet wardb = 2\n"
      + "note \"{wardc} {warda} {wardb} {ab}\"\nemit msg\n"
    #expect(try fixed(text).text == text)
  }

  @Test func `of fixes that overlap the first is applied, and one beyond the line is not`() {
    func problem(_ line: Int, _ column: Int, _ length: Int, _ replacement: String) -> Problem {
      let place = Place(file: "t", line: line, column: column, length: length)
      return Problem("E100", "", at: place, fix: Problem.Fix(place: place, replacement: replacement))
    }
    let (text, done) = Fixes.applied(
      [
        problem(1, 3, 2, "X"), problem(1, 2, 2, "Y"), problem(2, 1, 1, "Z"), problem(2, 9, 1, "!"),
        problem(7, 1, 1, "!"),
      ],
      to: "äbcd\r\nef", file: "t")
    #expect(text == "äYd\r\nZf")
    #expect(done.count == 2)
  }
}

/// Reads XML as far as a test needs to know that it is some.
final class XMLCheck: NSObject {
  private(set) var elements: [String] = []
  private(set) var names: [String] = []
  private(set) var isWellFormed = true

  init(_ text: String) {
    super.init()
    var rest = Substring(text)
    var open: [Substring] = []
    while let start = rest.firstIndex(of: "<") {
      if rest[..<start].contains(where: { $0 == "]" && rest[..<start].contains("]]>") }) { isWellFormed = false }
      guard let end = rest[start...].firstIndex(of: ">") else {
        isWellFormed = false
        return
      }
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("?") { continue }
      if tag.hasPrefix("/") {
        if open.popLast() != tag.dropFirst() { isWellFormed = false }
        continue
      }
      let name = tag.prefix { $0 != " " && $0 != "/" }
      elements.append(String(name))
      for match in tag.matches(of: /\sname="([^"<]*)"/) { names.append(Self.plain(String(match.1))) }
      if tag.count(where: { $0 == "\"" }) % 2 != 0 { isWellFormed = false }
      if !tag.hasSuffix("/") { open.append(name) }
    }
    if !open.isEmpty || text.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\n" }) { isWellFormed = false }
  }

  private static func plain(_ text: String) -> String {
    text.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
      .replacing("&amp;", with: "&")
  }
}
