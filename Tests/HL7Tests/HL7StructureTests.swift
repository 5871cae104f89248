import Testing

@testable import HL7

@Suite("Message structures")
struct HL7StructureTests {
  @Test("A structure is there in the versions that have it, and 2.7.1 and 2.9 go by their neighbours")
  func versions() throws {
    #expect(HL7Tables.structureNames.contains("ORU_R01") && HL7Tables.structureNames.count > 300)
    #expect(HL7Tables.structureVersions("MDM_T02").description == "2.3..2.8.2")
    #expect(HL7Tables.structureVersions("ADT_A99").isEmpty)
    #expect(HL7Tables.structure("MDM_T02", version: "2.2") == nil)
    #expect(HL7Tables.structure("ADT_A01", version: "3.0") == nil && HL7Tables.structure("", version: "2.5") == nil)
    let twins = [("2.7", "2.7.1"), ("2.8.2", "2.9")]
    for (one, other) in twins {
      let (first, second) = (try structure("ORU_R01", one), try structure("ORU_R01", other))
      #expect(first.leaves == second.leaves && first.groups == second.groups)
    }
  }

  @Test("A group is what the standard's chapter calls it, with its segments in order")
  func groups() throws {
    let grammar = try structure("ORU_R01", "2.5.1")
    let names = grammar.groups.map(\.name)
    #expect(
      names == ["", "PATIENT_RESULT", "PATIENT", "VISIT", "ORDER_OBSERVATION", "TIMING_QTY", "OBSERVATION", "SPECIMEN"])
    #expect(grammar.groups.map(\.parent) == [nil, 0, 1, 2, 1, 4, 4, 4])
    #expect(grammar.groups.map(\.repeats) == [false, true, false, false, true, true, true, true])
    #expect(grammar.groups.map(\.isRequired) == [true, true, false, false, true, false, false, false])
    let observation = grammar.groups[6].leaves
    #expect(grammar.leaves[observation].map(\.code) == ["OBX", "NTE"])
    #expect(grammar.leaves[observation].map(\.isRequired) == [true, false])
    #expect(grammar.leaves[observation].map(\.repeats) == [false, true])
    #expect(grammar.groups[0].leaves == grammar.leaves.indices)
  }

  @Test("Of a choice one segment stands there, and other segments are any")
  func choice() throws {
    let order = try structure("ORM_O01", "2.5.1")
    let choices = order.groups.filter(\.isChoice)
    #expect(choices.count == 1)
    let choice = try #require(choices.first)
    #expect(order.leaves[choice.leaves].compactMap(\.code) == ["OBR", "RQD", "RQ1", "RXO", "ODS", "ODT"])
    let table = try structure("MFN_Znn", "2.5")
    #expect(table.leaves.last?.code == nil && table.leaves.last?.repeats == true)
    // A structure that any version has is whole: every group lies in the group around it.
    for name in HL7Tables.structureNames {
      for version in HL7Versions.names {
        guard let structure = HL7Tables.structure(name, version: version) else { continue }
        #expect(structure.leaves.first?.code == .msh, "\(name) \(version)")
        for group in structure.groups {
          let outer = group.parent.map { structure.groups[$0].leaves } ?? group.leaves
          #expect(outer.contains(group.leaves) || group.leaves.isEmpty, "\(name) \(version)")
        }
      }
    }
  }

  @Test(
    "The groups that a segment has its turns in are the smallest that repeat",
    arguments: [
      ("ORU_R01", "2.3", "OBR", "ORDER_OBSERVATION 2"), ("ORU_R01", "2.5.1", "PID", "PATIENT_RESULT 1"),
      ("ORU_R01", "2.5.1", "OBX", "OBSERVATION 3, OBX 4"), ("OML_O21", "2.5.1", "OBR", "ORDER 1, ORDER_PRIOR 3"),
      ("ORU_R01", "2.8.2", "OBX", "PATIENT_OBSERVATION 2, ORDER_OBSERVATION 2, OBSERVATION 3, SPECIMEN_OBSERVATION 4"),
      ("ADT_A01", "2.5.1", "PID", ""), ("ADT_A01", "2.5.1", "NK1", "NK1 1"), ("ADT_A01", "2.5.1", "IN1", "INSURANCE 1"),
      ("ADT_A01", "2.5.1", "IN3", "IN3 2"), ("ADT_A01", "2.5.1", "OBR", ""), ("SIU_S12", "2.5.1", "AIS", "SERVICE 2"),
      ("MDM_T02", "2.3", "OBX", "OBX 1"),
    ])
  func holders(_ name: String, _ version: String, _ code: String, _ expected: String) throws {
    let grammar = try structure(name, version)
    let segment = try #require(HL7SegmentCode(code))
    let holders = grammar.repeatingHolders(of: segment)
    let text = holders.map { "\($0.group.map { grammar.groups[$0].name } ?? code) \($0.depth)" }
    #expect(text.joined(separator: ", ") == expected)
  }

  @Test("What is asked for below a group is looked for there alone")
  func within() throws {
    let grammar = try structure("OML_O21", "2.5.1")
    let prior = try #require(grammar.groups(named: "PRIOR_RESULT").first)
    #expect(grammar.groups(named: "ORDER_PRIOR", within: prior).count == 1)
    #expect(grammar.groups(named: "PRIOR_RESULT", within: prior).isEmpty && grammar.groups(named: "X").isEmpty)
    #expect(grammar.leaves(of: "PID").count == 2 && grammar.leaves(of: "PID", within: prior).count == 1)
    #expect(grammar.leaves(of: "SPM", within: prior).isEmpty && grammar.leaves(of: "PID", within: 99).isEmpty)
    #expect(grammar.repeatingHolders(of: "OBR", within: prior).map(\.depth) == [1])
    let order = try #require(grammar.groups(named: "ORDER_PRIOR").first)
    #expect(grammar.repeatingHolders(of: "OBR", within: order).isEmpty)
  }
}

/// A structure as a version has it.
func structure(_ name: String, _ version: String = "2.5.1") throws -> HL7Structure {
  try #require(HL7Tables.structure(name, version: version), "\(name) \(version)")
}

extension Range<Int> {
  fileprivate func contains(_ inner: Range<Int>) -> Bool {
    lowerBound <= inner.lowerBound && inner.upperBound <= upperBound
  }
}
