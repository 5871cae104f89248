import Foundation
import Testing

@testable import HL7

/// An outline that goes along with changes is the outline of the changed message.
@Suite("Outlines of messages that change")
struct HL7OutlineChangesTests {
  private static let seed = ProcessInfo.processInfo.environment["HL7_SEED"].flatMap { UInt64($0) } ?? 20_240_301

  private func codes(_ text: String) -> [HL7SegmentCode?] { text.split(separator: " ").map { HL7SegmentCode($0) } }

  private func shown(_ codes: [HL7SegmentCode?]) -> String {
    codes.map { $0?.description ?? "?" }.joined(separator: " ")
  }

  private func expectAlike(_ changed: HL7Outline, _ codes: [HL7SegmentCode?], _ comment: Comment) {
    let fresh = HL7Outline(codes, structure: changed.structure, group: changed.instances[0].group)
    #expect(changed.leaves == fresh.leaves && changed.owners == fresh.owners, comment)
    #expect(changed.instances == fresh.instances && changed.fits == fresh.fits, comment)
  }

  private let messages = [
    ("ORU_R01", "MSH PID NTE PV1 ORC OBR NTE OBX NTE NTE OBX ZBX OBR OBX OBX SPM OBX ORC OBR OBX PID OBR OBX NTE"),
    ("ADT_A01", "MSH EVN PID PD1 NK1 NK1 PV1 PV2 AL1 AL1 DG1 PR1 PR1 GT1 IN1 IN2 IN3 IN1 IN3 ACC ZZZ"),
    ("OML_O21", "MSH PID PV1 ORC OBR NTE DG1 OBX NTE SPM ORC OBR PID ORC OBR OBX ORC OBR OBX NTE ORC OBR SPM OBX"),
    ("ORM_O01", "MSH NTE PID PV1 AL1 ORC OBR NTE DG1 OBX NTE OBX ORC OBR OBX BLG ORC RXO RXR NTE"),
  ]

  @Test("Whatever is taken out or put in, the outline is that of the message as it is then")
  func random() throws {
    let seed = Self.seed
    var generator = SeededGenerator(seed: seed)
    var kept = 0
    for _ in 0..<800 {
      let (name, text) = try #require(messages.randomElement(using: &generator))
      var codes = codes(text)
      let all = codes.compactMap(\.self) + ["ZZ1"].compactMap { HL7SegmentCode($0) }
      var outline = HL7Outline(codes, structure: try structure(name, "2.5.1"))
      for _ in 0..<6 {
        let before = codes
        let isSame: Bool
        if Bool.random(using: &generator), codes.count > 4 {
          let count = Int.random(in: 1...3, using: &generator)
          let gone = Set((0..<count).map { _ in Int.random(in: 1..<codes.count, using: &generator) }).sorted()
          for ordinal in gone.reversed() { codes.remove(at: ordinal) }
          isSame = outline.remove(gone)
        } else {
          let code = try #require(all.randomElement(using: &generator))
          let place = Int.random(in: 1...codes.count, using: &generator)
          codes.insert(code, at: place)
          isSame = outline.insert(code, at: place)
        }
        if isSame {
          kept += 1
          expectAlike(outline, codes, "seed \(seed): \(shown(before)) to \(shown(codes))")
        } else {
          outline = HL7Outline(codes, structure: outline.structure)
        }
      }
    }
    #expect(kept > 300, "seed \(seed)")
  }

  @Test("A part of an outline is the outline of that part")
  func parts() throws {
    for (name, text) in messages {
      let codes = codes(text)
      let outline = HL7Outline(codes, structure: try structure(name, "2.5.1"))
      for (number, instance) in outline.instances.enumerated() {
        expectAlike(outline.part(number), Array(codes[instance.segments]), "\(name), \(number)")
      }
    }
  }

  @Test(
    "What makes a group leaves what belongs to it",
    arguments: [
      ("ORU_R01", "MSH PID ORC OBR OBX NTE OBX ORC OBR", 3, [4, 5, 6]), ("ORU_R01", "MSH PID ORC OBR OBX NTE", 2, []),
      ("ORU_R01", "MSH PID ORC OBR OBX NTE", 4, [5]), ("ADT_A01", "MSH EVN PID PV1 IN1 IN2 IN1 IN3", 4, [5]),
      ("ADT_A01", "MSH EVN PID PV1 IN1 IN2 IN1 IN3", 1, []), ("ORM_O01", "MSH PID ORC OBR NTE OBX", 2, []),
      ("ORM_O01", "MSH PID ORC OBR NTE OBX", 3, [4, 5]), ("ORU_R01", "MSH PID PD1 PV1 OBR", 1, [2, 3]),
    ])
  func remainders(_ name: String, _ text: String, _ gone: Int, _ left: [Int]) throws {
    let outline = HL7Outline(codes(text), structure: try structure(name, "2.5.1"))
    #expect(outline.remainders(without: [gone]).sorted() == left)
  }

  @Test("An order behind an earlier result is one where its segments say so, or its order control")
  func earlierResults() throws {
    let grammar = try structure("OML_O21", "2.5.1")
    let orders = { (outline: HL7Outline) in
      outline.instances.count { grammar.groups[$0.group].name == "ORDER" }
    }
    let specimen = codes("MSH PID ORC OBR PID ORC OBR OBX ORC OBR SPM")
    #expect(orders(HL7Outline(specimen, structure: grammar)) == 2)
    #expect(orders(HL7Outline(codes("MSH PID ORC OBR PID ORC OBR OBX ORC OBR"), structure: grammar)) == 2)
    #expect(orders(HL7Outline(specimen + codes("ORC OBR PID ORC OBR OBX ORC OBR"), structure: grammar)) == 4)
    // Both readings leave nothing out: the nearest, unless the content says more.
    let open = codes("MSH PID ORC OBR PID ORC OBR OBX ORC OBR OBX")
    #expect(orders(HL7Outline(open, structure: grammar)) == 1)
    #expect(orders(HL7Outline(open, structure: grammar, orders: [8])) == 2)
  }
}
