import Testing

@testable import Authoring

@Suite struct GuideConditionTests {
  /// As a program says it, of a PID in a group; or why it is none.
  private func said(_ text: String) -> String {
    do {
      let condition = try GuideCondition(text).hilt { path in
        let place = "g.\(path.name)" + (path.numbers.first.map { "-\($0)" } ?? "")
        let rest = path.numbers.dropFirst().map { ".\($0)" }.joined()
        switch path.shown.split(separator: ".").first {
        case "PID-11", "OBX-5": return .list(place + "[*]", of: rest)
        case "OBX-29": return HiltPlace.none
        case "MSA-1": return nil
        default: return .value(place + rest)
        }
      }
      switch condition {
      case .constant(let holds): return "\(holds)"
      case .text(let text): return text
      }
    } catch { return "! \(error.reason)" }
  }

  @Test(arguments: [
    ("IF PID-25 NOT VALUED", "g.PID-25 is not valued"), ("IF PD1-7 VALUED", "g.PD1-7 is valued"),
    ("IF OBX-2 IS \"NA\"", "g.OBX-2 == \"NA\""), ("IF OBX-2=\"FT\"", "g.OBX-2 == \"FT\""),
    ("IF OBX-2 EQUALS \"NM\"", "g.OBX-2 == \"NM\""), ("IF IAM-15 IS NOT \"SEL\"", "g.IAM-15 != \"SEL\""),
    ("IF PV1-2.1 NOT EQUALS \"P\"", "g.PV1-2.1 != \"P\""), ("If AIG-8 is valued", "g.AIG-8 is valued"),
    ("IF XAD.7 IN (\"M\", \"SH\")", "g.XAD-7 in [\"M\", \"SH\"]"), ("IF PID VALUED", "g.PID is valued"),
    ("IF TXA-19 NOT IN (\"CA\",\"OB\")", "g.TXA-19 not in [\"CA\", \"OB\"]"),
    ("IF TQ1-3.9 IS EMPTY", "g.TQ1-3.9 is not valued"), ("IF XCN.19 DOES NOT EXIST", "g.XCN-19 is not valued"),
    ("IF PRT-9 VALUED OR IF PRT-14 VALUED", "g.PRT-9 is valued or g.PRT-14 is valued"),
    (
      "IF EVN-5 NOT VALUED AND (MSH-22 IS VALUED OR MSH-4 IS VALUED)",
      "g.EVN-5 is not valued and (g.MSH-22 is valued or g.MSH-4 is valued)"
    ),
    ("IF PID-11 LST.COUNT EQUALS 1", "count(g.PID-11[*]) == 1"),
    ("IF OBX-5 LST.count LESS THAN OR EQUALS 1 OR OBX-2 IS \"NA\"", "count(g.OBX-5[*]) <= 1 or g.OBX-2 == \"NA\""),
    ("IF PID-13 COUNT>1", "false"), ("IF PID-13 COUNT=1", "g.PID-13 is valued"),
    ("IF PID-7 LENGTH GREATER THAN 8", "length(raw(g.PID-7)) > 8"),
    ("IF PID-11.9 IS VALUED", "(any one in g.PID-11[*] where one.9 is valued)"),
    ("IF PID-11.7 NOT EQUALS \"H\"", "(none one in g.PID-11[*] where one.7 == \"H\")"),
    // What the version doesn't have is never valued.
    ("IF OBX-29 IN (\"QST\")", "false"), ("IF OBX-29 NOT IN (\"QST\")", "true"),
    ("IF OBX-2 IS \"NM\" AND OBX-29 NOT IN (\"QST\", \"SCI\")", "g.OBX-2 == \"NM\""),
    ("IF OBX-2 IS \"NM\" OR OBX-29 NOT VALUED", "true"), ("IF OBX-2 IS \"{x}\"", "g.OBX-2 == \"\\{x\\}\""),
  ]) func `says one thing`(text: String, hilt: String) { #expect(said(text) == hilt) }

  @Test(arguments: [
    ("IF PV1-20 VALUE", "`VALUE` is no test: VALUED, EQUALS \"…\", IN (…), LST.count …"),
    ("IF PRT-2 IS IN (\"A\", \"S\", \"U\", X\")", "a quote is never closed"),
    ("IF PID-33 AND PID-34 VALUED", "PID-33 stands there without a test of its own"),
    ("IF (OBX-2 EQUALS \"SN\"  AND OBX-5.1  EQUALS \"<>\"", "a bracket is never closed"),
    ("IF NOT VALUED", "`NOT`: which field is meant isn't said"), ("ic", "`ic` is no field"),
    ("IF HD-3 = \"ISO\"", "`HD-3`: HD is a data type, whose components are written HD.3"),
    ("IF ORC.1 IS \"NW\"", "`ORC.1`: ORC is a segment, whose fields are written ORC-1"),
    ("IF XCN.19 NOT VALUED XCN.20 NOT VALUED", "`XCN.20` is not expected there"),
    ("IF IAM-15 VALUED AND NOT \"SEL\"", "`NOT`: which field is meant isn't said"),
    ("IF IN1-17 IS 'patient'", "`'patient'` is no test: VALUED, EQUALS \"…\", IN (…), LST.count …"),
    ("IF OBR-25 NOT VALUED ERROR", "`ERROR` is not expected there"), ("IF", "it ends too early"),
    ("", "it ends too early"),
    ("IF PID-1.0 VALUED", "`PID-1.0` is no field"),
    ("IF PID-11 LST.COUNT MORE 1", "`MORE` where a comparison is expected"),
    ("IF PID-11 LST.COUNT GREATER 1", "GREATER and LESS want THAN"),
    ("IF PID-11 LST.COUNT GREATER THAN x", "`x` where a number is expected"),
    ("IF MSA-1 VALUED", "MSA-1 can't be reached from here"),
  ]) func `says nothing, or could say two things`(text: String, reason: String) { #expect(said(text) == "! \(reason)") }

  @Test func `of the guide's own most are read`() {
    var read = 0
    var refused: Set<String> = []
    func look(_ when: GuideWhen) {
      if when.text.isEmpty { return }
      do {
        _ = try GuideCondition(when.text)
        read += 1
      } catch { refused.insert(when.text) }
    }
    for name in GuideTables.structures { for row in GuideTables.message(name) ?? [] { look(row.when) } }
    for name in GuideTables.segments { for row in GuideTables.segment(name) ?? [] { look(row.when) } }
    for name in GuideTables.dataTypes { for row in GuideTables.dataType(name) ?? [] { look(row.when) } }
    #expect(read == 451 && refused.count == 43)
    #expect(
      GuideTables.structures.count == 13 && GuideTables.segments.count == 75 && GuideTables.dataTypes.count == 105)
  }

  @Test(arguments: [
    ("identifier[2]", "identifier[2]"), ("identifier[4].type.coding.code", "identifier[4].type.coding.code"),
    ("sender(Organization)", "sender(Organization)"), ("local implementation", "-"), ("extension??-x", "-"),
    ("specimen(Specimen.identifier[1])", "-"), ("$this", "-"), ("", "-"), ("a..b", "-"), ("a[", "-"), ("(A)", "-"),
  ]) func `elements have paths`(text: String, path: String) {
    let read = GuideElementPath(text)
    let shown = read.map { path in
      path.steps.map { $0.name + ($0.index.isEmpty ? "" : "[\($0.index)]") }.joined(separator: ".")
        + (path.resource.map { "(\($0))" } ?? "")
    }
    #expect(shown ?? "-" == path)
  }
}
