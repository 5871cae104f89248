import Testing

@testable import HL7

@Suite("Outlines of messages")
struct HL7OutlineTests {
  /// Segments with their groups around them, as `OBR (OBSERVATION: OBX NTE)`; `!` before what has no place.
  private func drawing(_ outline: HL7Outline, _ codes: [HL7SegmentCode?]) -> String {
    var text = ""
    for ordinal in codes.indices {
      for instance in outline.instances.dropFirst() where instance.segments.lowerBound == ordinal {
        text += "(\(outline.structure.groups[instance.group].name): "
      }
      text += (outline.leaves[ordinal] == nil ? "!" : "") + (codes[ordinal]?.description ?? "?")
      for instance in outline.instances.dropFirst() where instance.segments.upperBound == ordinal + 1 { text += ")" }
      text += " "
    }
    return String(text.dropLast())
  }

  private func codes(_ text: String) -> [HL7SegmentCode?] {
    text.split(separator: " ").map { HL7SegmentCode($0) }
  }

  @Test(
    "A segment belongs to the group that is nearest",
    arguments: [
      (
        "ORU_R01", "2.5.1", "MSH PID NTE PV1 ORC OBR NTE OBX NTE NTE OBX OBR OBX SPM OBX PID OBR",
        "MSH (PATIENT_RESULT: (PATIENT: PID NTE (VISIT: PV1)) (ORDER_OBSERVATION: ORC OBR NTE "
          + "(OBSERVATION: OBX NTE NTE) (OBSERVATION: OBX)) "
          + "(ORDER_OBSERVATION: OBR (OBSERVATION: OBX) (SPECIMEN: SPM OBX))) "
          + "(PATIENT_RESULT: (PATIENT: PID) (ORDER_OBSERVATION: OBR))"
      ),
      (
        "ORU_R01", "2.3", "MSH PID OBR OBX NTE OBX OBR NTE OBX DSC",
        "MSH (RESPONSE: (PATIENT: PID) (ORDER_OBSERVATION: OBR (OBSERVATION: OBX NTE) (OBSERVATION: OBX)) "
          + "(ORDER_OBSERVATION: OBR NTE (OBSERVATION: OBX))) DSC"
      ),
      (
        "ORU_R01", "2.3.1", "MSH PID NK1 OBR OBX",
        "MSH (PATIENT_RESULT: (PATIENT: PID NK1) (ORDER_OBSERVATION: OBR (OBSERVATION: OBX)))"
      ),
      (
        "ORU_R01", "2.7", "MSH SFT UAC PID OBX OBR OBX OBX",
        "MSH SFT UAC (PATIENT_RESULT: (PATIENT: PID (PATIENT_OBSERVATION: OBX)) "
          + "(ORDER_OBSERVATION: OBR (OBSERVATION: OBX) (OBSERVATION: OBX)))"
      ),
      (
        "ADT_A01", "2.5.1", "MSH EVN PID NK1 NK1 PV1 DG1 DG1 PR1 PR1 IN1 IN2 IN3 IN3 IN1 IN3 ACC",
        "MSH EVN PID NK1 NK1 PV1 DG1 DG1 (PROCEDURE: PR1) (PROCEDURE: PR1) (INSURANCE: IN1 IN2 IN3 IN3) "
          + "(INSURANCE: IN1 IN3) ACC"
      ),
      (
        "SIU_S12", "2.5.1", "MSH SCH PID PV1 RGS AIS NTE AIS AIL AIP RGS AIG",
        "MSH SCH (PATIENT: PID PV1) (RESOURCES: RGS (SERVICE: AIS NTE) (SERVICE: AIS) (LOCATION_RESOURCE: AIL) "
          + "(PERSONNEL_RESOURCE: AIP)) (RESOURCES: RGS (GENERAL_RESOURCE: AIG))"
      ),
      (
        "VXU_V04", "2.5.1", "MSH PID NK1 ORC RXA RXR OBX NTE OBX ORC RXA",
        "MSH PID NK1 (ORDER: ORC RXA RXR (OBSERVATION: OBX NTE) (OBSERVATION: OBX)) (ORDER: ORC RXA)"
      ),
      (
        "MDM_T02", "2.5.1", "MSH EVN PID PV1 ORC OBR TXA OBX OBX NTE",
        "MSH EVN PID PV1 (COMMON_ORDER: ORC OBR) TXA (OBXNTE_SUPPGRP: OBX) (OBXNTE_SUPPGRP: OBX NTE)"
      ),
      (
        "ORM_O01", "2.3", "MSH PID PV1 ORC RXO NTE ORC OBR OBX",
        "MSH (PATIENT: PID (PATIENT_VISIT: PV1)) (ORDER: ORC (ORDER_DETAIL: (CHOICE: RXO) NTE)) "
          + "(ORDER: ORC (ORDER_DETAIL: (CHOICE: OBR) (OBSERVATION: OBX)))"
      ),
      (
        "MFN_M03", "2.3", "MSH MFI MFE OM1 OM2 OM3 MFE OM1 OM4",
        "MSH MFI (MF_TEST: MFE OM1 OM2 OM3) (MF_TEST: MFE OM1 OM4)"
      ),
    ])
  func nearest(_ name: String, _ version: String, _ segments: String, _ expected: String) throws {
    let codes = codes(segments)
    let outline = HL7Outline(codes, structure: try structure(name, version))
    #expect(drawing(outline, codes) == expected)
    #expect(outline.fits && outline.leaves.allSatisfy { $0 != nil })
  }

  @Test(
    "A second order is an order, and an earlier result is one where its patient or visit begins it",
    arguments: [
      (
        "MSH PID ORC OBR OBX ORC TQ1 OBR ORC OBR",
        "MSH (PATIENT: PID) (ORDER: ORC (OBSERVATION_REQUEST: OBR (OBSERVATION: OBX))) "
          + "(ORDER: ORC (TIMING: TQ1) (OBSERVATION_REQUEST: OBR)) (ORDER: ORC (OBSERVATION_REQUEST: OBR))"
      ),
      (
        "MSH ORC OBR OBX OBR OBX",
        "MSH (ORDER: ORC (OBSERVATION_REQUEST: OBR (OBSERVATION: OBX))) "
          + "(ORDER: (OBSERVATION_REQUEST: OBR (OBSERVATION: OBX)))"
      ),
      (
        "MSH ORC OBR PV1 OBR OBX OBX ORC OBR OBX",
        "MSH (ORDER: ORC (OBSERVATION_REQUEST: OBR (PRIOR_RESULT: (PATIENT_VISIT_PRIOR: PV1) "
          + "(ORDER_PRIOR: OBR (OBSERVATION_PRIOR: OBX) (OBSERVATION_PRIOR: OBX)) "
          + "(ORDER_PRIOR: ORC OBR (OBSERVATION_PRIOR: OBX)))))"
      ),
    ])
  func orders(_ segments: String, _ expected: String) throws {
    let codes = codes(segments)
    let outline = HL7Outline(codes, structure: try structure("OML_O21", "2.5.1"))
    #expect(drawing(outline, codes) == expected && outline.fits)
  }

  @Test(
    "What the grammar requires may be missing",
    arguments: [
      (
        "ORM_O01", "MSH OBR OBX OBR OBX",
        "MSH (ORDER: (ORDER_DETAIL: (OBRRQDRQ1RXOODSODT_SUPPGRP: OBR) (OBSERVATION: OBX))) "
          + "(ORDER: (ORDER_DETAIL: (OBRRQDRQ1RXOODSODT_SUPPGRP: OBR) (OBSERVATION: OBX)))"
      ),
      ("ORU_R01", "MSH PID OBX", "MSH (PATIENT_RESULT: (PATIENT: PID) (ORDER_OBSERVATION: (OBSERVATION: OBX)))"),
      (
        "SIU_S12", "MSH SCH PID AIS AIL AIS",
        "MSH SCH (PATIENT: PID) (RESOURCES: (SERVICE: AIS) (LOCATION_RESOURCE: AIL)) (RESOURCES: (SERVICE: AIS))"
      ),
      ("ADT_A01", "MSH DG1 IN1", "MSH DG1 (INSURANCE: IN1)"),
    ])
  func missing(_ name: String, _ segments: String, _ expected: String) throws {
    let codes = codes(segments)
    let outline = HL7Outline(codes, structure: try structure(name, "2.5.1"))
    #expect(drawing(outline, codes) == expected && outline.fits)
  }

  @Test("A segment without a place belongs to where it stands, and only a site's own may")
  func noPlace() throws {
    let grammar = try structure("ORU_R01", "2.5.1")
    let own = codes("MSH PID ZPI OBR ZBR OBX NTE ZBX OBX ZZZ")
    let outline = HL7Outline(own, structure: grammar)
    #expect(
      drawing(outline, own)
        == "MSH (PATIENT_RESULT: (PATIENT: PID !ZPI) (ORDER_OBSERVATION: OBR !ZBR (OBSERVATION: OBX NTE !ZBX) "
        + "(OBSERVATION: OBX !ZZZ)))")
    #expect(outline.fits)
    let odd = codes("MSH PID OBR OBX EVN x OBX IN1")
    let other = HL7Outline(odd, structure: grammar)
    #expect(!other.fits && other.leaves.count(where: { $0 == nil }) == 3)
    #expect(
      drawing(other, odd)
        == "MSH (PATIENT_RESULT: (PATIENT: PID) (ORDER_OBSERVATION: OBR (OBSERVATION: OBX !EVN !?) "
        + "(OBSERVATION: OBX !IN1)))"
    )
    // Back over what was passed nothing goes.
    #expect(!HL7Outline(codes("MSH EVN PV1 PID"), structure: try structure("ADT_A01")).fits)
  }

  @Test(
    "A segment that would tear a group in two has no place, and the group goes on behind it",
    arguments: [
      (
        "ORU_R01", "PID ORC NTE NTE NTE OBR OBX ORC OBR OBX",
        "(PATIENT_RESULT: (PATIENT: PID) (ORDER_OBSERVATION: ORC !NTE !NTE !NTE OBR (OBSERVATION: OBX)) "
          + "(ORDER_OBSERVATION: ORC OBR (OBSERVATION: OBX)))"
      ),
      (
        "ORU_R01", "PID ORC TQ1 OBR OBX",
        "(PATIENT_RESULT: (PATIENT: PID) (ORDER_OBSERVATION: ORC !TQ1 OBR (OBSERVATION: OBX)))"
      ),
      (
        "ORU_R01", "PID ORC OBR SPM NTE NTE OBX OBX ORC OBR",
        "(PATIENT_RESULT: (PATIENT: PID) (ORDER_OBSERVATION: ORC OBR (SPECIMEN: SPM !NTE !NTE OBX OBX)) "
          + "(ORDER_OBSERVATION: ORC OBR))"
      ),
      (
        "ORU_R01", "PID ORC OBR PV1 OBX OBX ORC OBR OBX",
        "(PATIENT_RESULT: (PATIENT: PID) (ORDER_OBSERVATION: ORC OBR !PV1 (OBSERVATION: OBX) (OBSERVATION: OBX)) "
          + "(ORDER_OBSERVATION: ORC OBR (OBSERVATION: OBX)))"
      ),
      (
        "ORU_R01", "PID OBR OBX TQ1 OBX OBR OBX",
        "(PATIENT_RESULT: (PATIENT: PID) (ORDER_OBSERVATION: OBR (OBSERVATION: OBX !TQ1) (OBSERVATION: OBX)) "
          + "(ORDER_OBSERVATION: OBR (OBSERVATION: OBX)))"
      ),
      (
        "ORU_R01", "NTE NTE PID PV1 NTE ORC OBR",
        "!NTE !NTE (PATIENT_RESULT: (PATIENT: PID (VISIT: PV1 !NTE)) (ORDER_OBSERVATION: ORC OBR))"
      ),
      (
        "ORM_O01", "PID ORC NTE OBR OBX DG1 OBX ORC OBR",
        "(PATIENT: PID) (ORDER: ORC !NTE (ORDER_DETAIL: (OBRRQDRQ1RXOODSODT_SUPPGRP: OBR) (OBSERVATION: OBX !DG1) "
          + "(OBSERVATION: OBX))) (ORDER: ORC (ORDER_DETAIL: (OBRRQDRQ1RXOODSODT_SUPPGRP: OBR)))"
      ),
      (
        "OML_O21", "PID ORC NTE OBR OBX PD1 OBX ORC OBR",
        "(PATIENT: PID) (ORDER: ORC !NTE (OBSERVATION_REQUEST: OBR (OBSERVATION: OBX !PD1) (OBSERVATION: OBX))) "
          + "(ORDER: ORC (OBSERVATION_REQUEST: OBR))"
      ),
    ])
  func strays(_ name: String, _ segments: String, _ expected: String) throws {
    let codes = codes("MSH " + segments)
    let outline = HL7Outline(codes, structure: try structure(name, "2.5.1"))
    let drawing = drawing(outline, codes)
    #expect(drawing == "MSH " + expected)
    #expect(!outline.fits)
  }

  @Test(
    "What others belong to is never a stray, and what is missing is none either",
    arguments: [
      (
        "ORU_R01", "PID ORC OBR ORC OBX",
        "(PATIENT_RESULT: (PATIENT: PID) (ORDER_OBSERVATION: ORC OBR) (ORDER_OBSERVATION: ORC (OBSERVATION: OBX)))"
      ),
      (
        "ORU_R01", "PID OBX ORC OBR",
        "(PATIENT_RESULT: (PATIENT: PID) (ORDER_OBSERVATION: (OBSERVATION: OBX)) (ORDER_OBSERVATION: ORC OBR))"
      ),
      (
        "ORU_R01", "PID ORC NTE OBX OBX",
        "(PATIENT_RESULT: (PATIENT: PID) (ORDER_OBSERVATION: ORC NTE (OBSERVATION: OBX) (OBSERVATION: OBX)))"
      ),
      ("ORU_R01", "PID PV2 OBR", "(PATIENT_RESULT: (PATIENT: PID (VISIT: PV2)) (ORDER_OBSERVATION: OBR))"),
      (
        "ORM_O01", "PID ORC OBR OBR",
        "(PATIENT: PID) (ORDER: ORC (ORDER_DETAIL: (OBRRQDRQ1RXOODSODT_SUPPGRP: OBR))) "
          + "(ORDER: (ORDER_DETAIL: (OBRRQDRQ1RXOODSODT_SUPPGRP: OBR)))"
      ),
    ])
  func noStrays(_ name: String, _ segments: String, _ expected: String) throws {
    let codes = codes("MSH " + segments)
    let outline = HL7Outline(codes, structure: try structure(name, "2.5.1"))
    #expect(drawing(outline, codes) == "MSH " + expected && outline.fits)
  }

  @Test("The content of one group is outlined by itself")
  func content() throws {
    let grammar = try structure("ORU_R01")
    let order = try #require(grammar.groups(named: "ORDER_OBSERVATION").first)
    let codes = codes("ORC OBR OBX NTE OBX ZDS")
    let outline = HL7Outline(codes, structure: grammar, group: order)
    #expect(drawing(outline, codes) == "ORC OBR (OBSERVATION: OBX NTE) (OBSERVATION: OBX !ZDS)" && outline.fits)
    #expect(outline.owners == [0, 0, 1, 1, 2, 2] && outline.instances[0].group == order)
    // It is one instance, so a second order has no place in it.
    #expect(!HL7Outline(codes + [.init("ORC")], structure: grammar, group: order).fits)
    #expect(HL7Outline([], structure: grammar, group: order).instances.map(\.segments) == [0..<0])
    #expect(HL7Outline([], structure: grammar, group: 99).instances.map(\.group) == [0])
  }

  @Test(
    "An added segment stands behind what comes before it, with all that belongs to that",
    arguments: [
      ("ORU_R01", "ORDER_OBSERVATION", "ORC OBR ZBR OBX NTE ZBX OBX NTE", "ORC", 1),
      ("ORU_R01", "ORDER_OBSERVATION", "OBR ZBR OBX", "ORC", 0),
      ("ORU_R01", "ORDER_OBSERVATION", "ORC OBR ZBR OBX NTE ZBX OBX NTE", "NTE", 3),
      ("ORU_R01", "ORDER_OBSERVATION", "ORC OBR ZBR OBX NTE ZBX OBX NTE", "OBX", 8),
      ("ORU_R01", "ORDER_OBSERVATION", "ORC OBR ZBR SPM OBX ZZZ", "OBX", 3),
      ("ORU_R01", "OBSERVATION", "OBX NTE NTE", "NTE", 3),
      ("ADT_A01", "", "MSH EVN PID PV1 DG1 IN1 IN2 IN3 IN1", "IN1", 9),
      ("ADT_A01", "", "MSH EVN PID PV1 DG1 IN1 IN3 IN1 IN3", "IN2", 8),
      ("ADT_A01", "", "MSH EVN PID PV1 DG1 IN1", "NK1", 3), ("ADT_A01", "", "MSH EVN PID PV1 ZPV DG1 IN1", "AL1", 5),
      ("ADT_A01", "", "MSH EVN PID PV1 DG1 IN1", "DG1", 5), ("ADT_A01", "", "PID", "MSH", 0),
      ("ORU_R01", "", "MSH PID PV1 OBR OBX", "PD1", 2), ("ORU_R01", "", "MSH PID OBR OBX NTE ZZZ DSC", "OBX", 6),
      ("ORU_R01", "", "MSH PID OBR OBX OBR DSC", "OBR", 5), ("ORU_R01", "", "MSH OBR", "PID", 1),
      ("ORU_R01", "", "MSH PID ORC OBR OBX OBR OBX", "ORC", 5), ("ORU_R01", "", "MSH", "OBX", 1),
    ])
  func insertion(_ name: String, _ group: String, _ segments: String, _ code: String, _ expected: Int) throws {
    let grammar = try structure(name)
    let number = group.isEmpty ? 0 : try #require(grammar.groups(named: group).first)
    let outline = HL7Outline(codes(segments), structure: grammar, group: number)
    let segment = try #require(HL7SegmentCode(code))
    let leaf = try #require(grammar.leaves(of: segment, within: number).first)
    #expect(outline.insertionOrdinal(ofLeaf: leaf, in: 0) == expected)
  }

  @Test("Where nothing is known of a leaf or an instance, a segment goes to the end")
  func insertionElsewhere() throws {
    let grammar = try structure("ORU_R01")
    let outline = HL7Outline(codes("MSH PID OBR OBX"), structure: grammar)
    let patient = try #require(outline.instances.firstIndex { grammar.groups[$0.group].name == "PATIENT" })
    let leaf = try #require(grammar.leaves(of: "OBX").first)
    #expect(outline.insertionOrdinal(ofLeaf: leaf, in: patient) == 2)
    #expect(outline.insertionOrdinal(ofLeaf: leaf, in: 99) == 4 && outline.insertionOrdinal(ofLeaf: 99, in: 0) == 4)
  }
}
