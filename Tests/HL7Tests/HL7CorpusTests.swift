import Foundation
import Testing

@testable import HL7

/// Messages of other projects, as they are.
@Suite struct HL7CorpusTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Corpus/hl7")

  private static let files: [String] = [
    "cdc-reportstream", "linuxforhealth", "msft-fhir-converter", "simhospital", "whistle",
  ]
  .flatMap { origin in
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.appending(path: origin).path)
    return (names ?? []).filter { $0.hasSuffix(".hl7") }.sorted().map { "\(origin)/\($0)" }
  }

  private func messages(_ file: String) throws -> [[UInt8]] {
    let bytes = [UInt8](try Data(contentsOf: Self.folder.appending(path: file)))
    return try HL7Batch(bytes).messages.map { Array(bytes[$0]) }
  }

  @Test func `the corpus is there`() throws {
    #expect(Self.files.count == 30)
    #expect(try messages("simhospital/messages-101.hl7").count == 101)
  }

  @Test(arguments: files) func `a file is read, kept byte for byte and can be written`(file: String) throws {
    let messages = try messages(file)
    #expect(!messages.isEmpty)
    for bytes in messages {
      let message = try HL7Message(bytes)
      #expect(HL7Draft(message).serialized() == bytes)
      #expect(HL7Header(message).controlID != nil)
      var changed = HL7Draft(message)
      for segment in message.segmentIDs {
        for number in 1...max(1, message.fieldCount(of: segment)) {
          try touch(message.field(number, of: segment))
          guard segment > 0 || number > 2, message.code(of: segment) != nil else { continue }
          try changed.set(.piece(message.field(number, of: segment)), at: HL7Position(number), of: segment)
        }
      }
      // Every field written with what stands there already gives the same message.
      #expect(changed.serialized() == bytes)
    }
  }

  /// Reads all parts and their texts.
  private func touch(_ field: HL7Piece) throws {
    for repetition in field.repetitions {
      for component in repetition.components {
        for subcomponent in component.subcomponents {
          switch try subcomponent.value() {
          case .absent: #expect(subcomponent.bytes.isEmpty)
          case .null: #expect(subcomponent.isNull)
          case .text(let text): #expect(!text.isEmpty)
          }
        }
      }
    }
    _ = try field.text()
  }

  @Test func `a strict channel reads the corpus once its lines end in CR`() throws {
    let strict = HL7ReadingOptions(segmentEnd: .cr)
    for file in Self.files {
      for bytes in try messages(file) {
        let lines = bytes.split { $0 == 0x0D || $0 == 0x0A }
        let wire = Array(lines.joined(separator: [0x0D])) + [0x0D]
        #expect(try HL7Message(wire, strict).segmentCount == lines.count, "\(file)")
      }
    }
  }

  @Test func `the types of the simulated hospital are those that its note counts`() throws {
    var counts: [String: Int] = [:]
    for bytes in try messages("simhospital/messages-101.hl7") {
      let header = HL7Header(try HL7Message(bytes))
      counts["\(header.messageCode ?? "")^\(header.triggerEvent ?? "")", default: 0] += 1
    }
    #expect(counts == ["ORU^R01": 58, "ADT^A01": 42, "MDM^T02": 1])
  }

  @Test func `a doubled backslash in MSH-2 does not change what subcomponents are`() throws {
    let bytes = try #require(messages("linuxforhealth/sample_unix.hl7").first)
    let message = try HL7Message(bytes)
    #expect(message.delimiters == .standard)
    #expect(try message.value(at: path("PID-3[1].5")) == .text("MR"))
  }

  @Test func `most of the corpus fits the grammar of its structure`() throws {
    var strays: [String: Set<String>] = [:]
    var count = 0
    for file in Self.files {
      for bytes in try messages(file) {
        let message = try HL7Message(bytes)
        let structure = try #require(HL7Tables.structure(of: message), "\(file)")
        let codes = message.segmentIDs.map { message.code(of: $0) }
        let outline = HL7Outline(codes, structure: structure)
        count += 1
        for (code, leaf) in zip(codes, outline.leaves) where leaf == nil && code?.isLocal != true {
          strays[file, default: []].insert("\(structure.name) \(code?.description ?? "?")")
        }
      }
    }
    print(count, strays)
  }
}
