import Foundation
import Testing

@testable import Hilt

@Suite("The one layout")
struct LayoutTests {
  private func laidOut(_ text: String) throws -> String {
    let (result, problems) = HiltLayout.laidOut(text, file: "t.hilt")
    #expect(problems == [])
    return try #require(result)
  }

  private func expect(_ text: String, becomes expected: String, _ location: SourceLocation = #_sourceLocation) throws {
    let result = try laidOut(text)
    #expect(result == expected, sourceLocation: location)
    #expect(try laidOut(result) == result, "laid out twice", sourceLocation: location)
  }

  @Test("Headers and blocks are indented by two, whatever stood there")
  func indentation() throws {
    try expect(
      """
      transform t
      in hl7
          out hl7
        table x from "x.csv" key a value b
      if PID-8 is valued {
      note "a"
            if PID-7 is valued {
       note "b" } else {
         note "c"
          }
      }
      """,
      becomes: """
        transform t
          in hl7
          out hl7
        table x from "x.csv" key a value b
        if PID-8 is valued {
          note "a"
          if PID-7 is valued {
            note "b" } else {
              note "c"
            }
        }

        """)
  }

  @Test("Brackets that one line opens indent once, and a line that goes on by two")
  func brackets() throws {
    try expect(
      """
      out.PID-3 = for id in PID-3[*] where id.5 == "MR" =>
      id with {
      1: trim(id.1),
        4: HD {
        1: "x" },
      }
      b.upsert(by: x, Observation {
      status: y,
          note: for n in z =>
        plain(n),
      })
      if a == 1
      and b == 2 {
      note "x"
      }
      require a == 1
      else reject AE 101 "no"
      emit out to "a",
      "b"
      """,
      becomes: """
        out.PID-3 = for id in PID-3[*] where id.5 == "MR" =>
          id with {
            1: trim(id.1),
            4: HD {
              1: "x" },
          }
        b.upsert(by: x, Observation {
          status: y,
          note: for n in z =>
            plain(n),
        })
        if a == 1
          and b == 2 {
          note "x"
        }
        require a == 1
          else reject AE 101 "no"
        emit out to "a",
          "b"

        """)
  }

  @Test("A line that is not finished yet moves no statement behind it")
  func unfinished() throws {
    try expect(
      "let a =\nlet b = c ??\n1\nemit msg\n", becomes: "let a =\nlet b = c ??\n  1\nemit msg\n")
  }

  @Test("One space stands around operators, none in parentheses, one in braces; paths and ranges are tight")
  func spaces() throws {
    try expect(
      """
      let a=count(  PID-3[ * ] )+1
      let b   = NK1[ *  where -2[1].1  is valued ]
      out.PID-5[1].2=upper( PID-5[1].2 )??"x"
      out.MSH-3=HD{1:"HUB"}
      let c = PID-3[where .5=="MR"].1
      let d = match PID-8{"1"|"M"=>"M",_=>"U"}
      when MSH-11.1!="P"=>drop "x {  a }"
      let e = a - 1
      let f = PATIENT_RESULT[1]/ORDER_OBSERVATION[2]/OBR-4.1
      let g = 6/2
      let h = not(a) and(b)
      emit (if a then x else y)
      let i = [ 1,2 , 3 ]
      let k = a == -1
      out.tag(0019, "GEMS",9C)=f( 1,tag(0008,0018) , 2)
      """,
      becomes: """
        let a = count(PID-3[*]) + 1
        let b = NK1[* where -2[1].1 is valued]
        out.PID-5[1].2 = upper(PID-5[1].2) ?? "x"
        out.MSH-3 = HD { 1: "HUB" }
        let c = PID-3[where .5 == "MR"].1
        let d = match PID-8 { "1" | "M" => "M", _ => "U" }
        when MSH-11.1 != "P" => drop "x {  a }"
        let e = a - 1
        let f = PATIENT_RESULT[1]/ORDER_OBSERVATION[2]/OBR-4.1
        let g = 6 / 2
        let h = not (a) and (b)
        emit (if a then x else y)
        let i = [1, 2, 3]
        let k = a == -1
        out.tag(0019,"GEMS",9C) = f(1, tag(0008,0018), 2)

        """)
    try expect(
      "transform t\n  in hl7   2.3 .. 2.6   ADT_*,ORU_R01\n", becomes: "transform t\n  in hl7 2.3..2.6 ADT_*, ORU_R01\n"
    )
  }

  @Test("Columns that the author made stay, as narrow as they can be")
  func columns() throws {
    try expect(
      """
      transform t
        in      hl7 2.3
        out     hl7
        zone    "Europe/London"

      table sex   from "codes/sex.csv"     key local value hl7  default "U"
      table wards from "codes/wards.csv"   key ward  value pas, name
      out.MSH-3    = HD { 1: "HUB" }
      out.MSH-12.1 = "2.5.1"
      out.PID-3 = absent
      let a    = 1
      let bbbbbbb = 2
      """,
      becomes: """
        transform t
          in   hl7 2.3
          out  hl7
          zone "Europe/London"

        table sex   from "codes/sex.csv"   key local value hl7  default "U"
        table wards from "codes/wards.csv" key ward  value pas, name
        out.MSH-3    = HD { 1: "HUB" }
        out.MSH-12.1 = "2.5.1"
        out.PID-3 = absent
        let a = 1
        let bbbbbbb = 2

        """)
  }

  @Test("Comments stay where they are: at a line's end two spaces or more behind it, below one another where they were")
  func comments() throws {
    try expect(
      """
      # first

      #second
      let a = 1 # one
      let b=2                 # two
      let ccccccccccccc =  3  # three
                              # and more

      if x {   # why
          # inside
      note "a"
             # last
      }
      # end
      """,
      becomes: """
        # first

        #second
        let a = 1  # one
        let b = 2               # two
        let ccccccccccccc = 3   # three
                                # and more

        if x {   # why
          # inside
          note "a"
          # last
        }
        # end

        """)
  }

  @Test(
    "At most one empty line stands in a row, none at a brace's edge; line ends are LF, the mark at the head goes"
  )
  func blanks() throws {
    try expect(
      "\u{FEFF}\n\ntransform t\r\n\r\n\r\n\r\n  in hl7\r\nif a {\r\n\r\n\tnote \"x\"  \r\n\r\n}\r\n\r\n\r\n",
      becomes: "transform t\n\n  in hl7\nif a {\n  note \"x\"\n}\n")
    try expect("", becomes: "")
    try expect("# only this", becomes: "# only this\n")
  }

  @Test("Statements on one line keep the two spaces between them")
  func statements() throws {
    try expect(
      "for id in x { note \"a\"   remove id }\nif who is valued { m.ORC-12 = [xcn(who)]  m.OBR-16 = m.ORC-12 }\n",
      becomes:
        "for id in x { note \"a\"  remove id }\nif who is valued { m.ORC-12 = [xcn(who)]  m.OBR-16 = m.ORC-12 }\n")
  }

  @Test("What has no end or no meaning is shown, and nothing is laid out")
  func unreadable() {
    for text in ["let a = \"x\nemit a", "let a = 'x'", "a; b", "// x"] {
      let (result, problems) = HiltLayout.laidOut(text, file: "t.hilt")
      #expect(result == nil)
      #expect(!problems.isEmpty)
    }
  }

  @Test("A file whose quotes are missing stays one")
  func bare() throws {
    let program =
      "transform t\n  zone Europe/Zurich\n  import lib/v2-names.hilt\ntable a from codes/0001.csv key a value b\n"
    try expect(program, becomes: program)
  }

  @Test("White space that is not in a text of several lines goes, and what is in it stays")
  func texts() throws {
    let program = "transform t\nnote <<TEXT  \r\n  Dear {PID-5[1].2},  \r\n \t \r\n\r\n  no\rmore \n  TEXT\nemit msg\n"
    try expect(
      program, becomes: "transform t\nnote <<TEXT\n  Dear {PID-5[1].2},  \n\n\n  no\rmore \n  TEXT\nemit msg\n")
  }
}
