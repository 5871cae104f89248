import HL7
import Testing

@testable import Partners

@Suite struct `Generated messages` {
  @Test func `are the same for the same seed, in any order of asking`() {
    let first = MessageGenerator(seed: 42)
    let forward = (0..<200).map { first.message($0) }
    let second = MessageGenerator(seed: 42)
    let backward = (0..<200).reversed().map { second.message($0) }
    #expect(forward == backward.reversed())
    #expect(MessageGenerator(seed: 43).message(7) != first.message(7))
  }

  @Test func `have control ids and patients of their own`() throws {
    let generator = MessageGenerator(seed: 1)
    var controlIDs = Set<String>()
    var patients = Set<String>()
    for number in 0..<2_000 {
      let message = generator.message(number)
      let place = HeaderScan.controlID(in: message.span)
      let id = String(decoding: message[try #require(place)], as: UTF8.self)
      controlIDs.insert(id)
      #expect(id == generator.controlID(number))
      patients.insert(try #require(Self.field(3, of: "PID", in: message)))
    }
    #expect(controlIDs.count == 2_000)
    #expect(patients.count == 2_000)
  }

  @Test func `are of about one kilobyte, of several types, and HL7`() throws {
    let generator = MessageGenerator(seed: 9)
    var types = Set<String>()
    var sizes: [Int] = []
    for number in 0..<500 {
      let message = generator.message(number)
      sizes.append(message.count)
      types.insert(try #require(Self.field(8, of: "MSH", in: message)))
      #expect(try HL7Batch(message).messages == [0..<message.count])
    }
    let mean = sizes.reduce(0, +) / sizes.count
    #expect((900...1_250).contains(mean), "mean \(mean)")
    #expect(sizes.allSatisfy { (700...2_500).contains($0) }, "\(sizes.min() ?? 0) to \(sizes.max() ?? 0)")
    #expect(types.count >= 6)
  }

  @Test func `made into frames carry their digits where the frame says`() throws {
    let template = MessageGenerator(seed: 3).template(17)
    let control = template.frame[template.controlDigits..<(template.controlDigits + MessageGenerator.controlDigits)]
    #expect(String(decoding: control, as: UTF8.self) == "000000000017")
    let offset = try #require(template.patientDigits)
    let patient = template.frame[offset..<(offset + MessageGenerator.patientDigits)]
    #expect(String(decoding: patient, as: UTF8.self) == "0000000017")
    #expect(template.frame[offset - 1] == UInt8(ascii: "|"))
  }

  /// The field after so many separators of the first segment of a name.
  private static func field(_ count: Int, of name: String, in message: [UInt8]) -> String? {
    for segment in String(decoding: message, as: UTF8.self).split(separator: "\r") where segment.hasPrefix(name) {
      let fields = segment.split(separator: "|", omittingEmptySubsequences: false)
      return fields.count > count ? String(fields[count]) : nil
    }
    return nil
  }
}

@Suite struct `Messages in files` {
  private static let first = "MSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5"
  private static let second = "MSH|^~\\&|A|B|C|D|2026||ADT^A03|2|P|2.5"

  private func texts(_ file: String) -> [String] {
    MessageFiles.messages(in: Array(file.utf8)).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: ["\r", "\n", "\r\n"]) func `end their segments with CR whatever the file has`(end: String) {
    let file = [Self.first, "PID|1", Self.second, "PID|2", ""].joined(separator: end)
    #expect(texts(file) == ["\(Self.first)\rPID|1\r", "\(Self.second)\rPID|2\r"])
  }

  @Test func `leave their batch envelope behind`() {
    #expect(texts("FHS|^~\\&\nBHS|^~\\&\n\(Self.first)\nBTS|1\nFTS|1\n") == ["\(Self.first)\r"])
  }

  @Test func `that are no HL7 are sent as they stand`() {
    #expect(texts("GET / HTTP/1.1\r\n") == ["GET / HTTP/1.1\r\n"])
  }
}
