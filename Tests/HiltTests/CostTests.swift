import Hilt
import Testing

@Suite("The bound of a program's work")
struct CostTests {
  private func cost(_ body: String) -> String {
    HiltProgram.cost(of: "transform t\n  in hl7\n  out hl7\n" + body + "\n")
  }

  @Test("Loops in one another multiply, those behind one another add, and what another holds is left out")
  func loops() {
    #expect(cost("emit msg") == "O(1)")
    #expect(cost("for id in PID-3[* where .5 == \"MR\"] { note id.1 }") == "O(PID-3)")
    #expect(
      cost(
        """
        for order in each OBR {
          for o in order.each OBX where o.OBX-2 == "NM" { note "x" }
          if OBR[1] is valued { for n in order.NTE[*] { note "y" } }
        }
        for id in PID-3[*] { note id.1 }
        for x in OBX[*] { note "z" }
        """) == "O(NTE x OBR + OBR x OBX + PID-3)")
    #expect(cost("for a in OBX[*] { for b in OBX[*] { note \"x\" } }") == "O(OBX x OBX)")
  }

  @Test("Loops in expressions count, through functions and lists that the program made")
  func expressions() {
    #expect(cost("let a = count x in PID-3[*] where any y in PID-4[*] where y == x") == "O(PID-3 x PID-4)")
    #expect(cost("let a = for x in OBX[*] => x-5\nfor y in a { note y }\nfor z in [1, 2] { note \"z\" }") == "O(OBX)")
    #expect(
      HiltProgram.cost(
        of: "transform t\n  in hl7\n  out hl7\nfn f(a) = join(for x in NK1[*] => f(x), a)\n"
          + "for o in OBX[*] { note f(\"\") }\n") == "O(NK1 x OBX)")
  }

  @Test("No text stops it")
  func hostile() {
    for text in ["", "for", "transform t\nfor x in", String(repeating: "for x in y { ", count: 500)] {
      #expect(HiltProgram.cost(of: text).hasPrefix("O("))
    }
  }
}
