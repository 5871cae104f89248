import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  /// `prepare:` mends what no parser can read.
  @Suite struct `A message that must be mended before it can be read` {
    /// Lines end with `#`, and MSH-18 claims what the bytes are not.
    private static let program = """
      transform mend
        in  bytes
        out bytes

      let text = decode(msg, "latin1") catch fail "it is no text"
      when contains(text, "JUNK") => reject AE 207 "it can't be mended"
      let lines = replace(replace(text, "#", "\\r"), "|UNICODE UTF-8", "|8859/1")
      emit encode(lines, "latin1") catch fail "it can't be written"

      """

    private func way(hl7: String = "{}") async throws -> OneWay {
      let way = try await OneWay.make()
      let yaml = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write(
        "Channels/adt.yaml",
        yaml.replacing("  hl7: {}\n", with: "  hl7: {}\n  prepare: ../Transforms/mend.hilt\n")
          + "columns: {name: \"PID-5[1].1.1\"}\n")
      try way.project.write("Transforms/mend.hilt", Self.program)
      return way
    }

    /// Segments end with `#`, and the letters are latin1.
    private func broken(_ id: String, more: String = "") -> [UInt8] {
      let text = "MSH|^~\\&|PAS|H|HUB|H|20260101||ADT^A01|\(id)|P|2.5||||||UNICODE UTF-8#PID|1||1||M\u{FC}ller\(more)#"
      return text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    @Test func `what came is kept, what was mended is answered and goes on, and a resend is the same message`()
      async throws
    {
      let way = try await way()
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      let answer = try await wire.exchange(broken("M1"))
      #expect(answer.code == "AA" && answer.controlID == "M1")
      #expect(answer.message.flatMap { Sample.field("MSH", 5, of: $0) } == "PAS")
      let got = try await way.partner.waits(for: 1)
      let mended = try #require(got.first?.bytes)
      #expect(
        mended == broken("M1").map { $0 == UInt8(ascii: "#") ? 0x0D : $0 }.replacing("UNICODE UTF-8", "8859/1"))

      // The same bytes again, and others under the same control id.
      #expect(try await wire.exchange(broken("M1")).controlID == "M1")
      #expect(try await wire.exchange(broken("M1", more: "^X")).code == "AA")
      let refused = try await wire.exchange(broken("M2", more: "JUNK"))
      #expect(refused.code == "AE")
      try await way.project.drained()
      let ledger = try await way.project.ledger("adt")
      #expect(ledger.received == 4 && ledger.duplicate == 1 && ledger.rejected == 1)
      #expect(way.partner.controlIDs == ["M1", "M1"])

      let first = try #require(try await way.project.messages(.routed).last)
      let id = first.id.description
      let command = "\(Project.binary) messages export \(id) > raw"
      #expect(try await way.project.run(["sh", "-c", command]).status == 0)
      #expect(way.project.read("raw") == broken("M1"))
      #expect(try await way.project.story(first.id.description).contains("`prepare` mended it"))
      let found: [MessageRecord] = try await way.project.json("messages", "list", "--where", "name=Müller")
      #expect(found.count == 2)
    }

    @Test func `a reprocess mends it again with the newest program, and try shows it`() async throws {
      let way = try await way()
      try way.project.write("in/one.hl7", broken("R1"))
      let tried = try await way.project.hilum("try", "--channel", "Channels/adt.yaml", "in/one.hl7")
      #expect(tried.status == 0 && tried.output.contains("prepare: "), "\(tried)")
      try way.project.write("Transforms/mend.hilt", Self.program.replacing("emit encode", with: "fail \"later\"\n# "))
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(broken("R1")).code == "AA")
      try way.project.write("Transforms/mend.hilt", Self.program)
      #expect(try await way.project.hilum("deploy").status == 0)
      let record = try #require(try await way.project.messages().first)
      let result = try await way.project.hilum("reprocess", record.id.description)
      #expect(result.status == 0, "\(result)")
      try await way.partner.waits(for: 1)
      try await eventually("it is mended now") {
        way.partner.got.last?.bytes.map { Sample.field("PID", 3, of: $0) == "1" } == true
      }
    }

    @Test func `a program that is none for it is refused, and one that emits nothing fails the message`() async throws {
      let way = try await way()
      try way.project.write("Transforms/mend.hilt", "transform mend\n  in hl7\n  out hl7\nemit msg\n")
      let check = try await way.project.hilum("check")
      #expect(check.status == 1 && (check.output + check.errors).contains("takes what no parser can read"), "\(check)")
      try way.project.write(
        "Transforms/mend.hilt", "transform mend\n  in bytes\n  out bytes\nemit msg\nemit msg\n")
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(Sample.adt("E1")).code == "AA")
      let failed = try await way.project.messages(.failed)
      #expect(failed.count == 1 && failed.first?.reason?.contains("emitted 2 messages") == true, "\(failed)")
    }
  }
}

extension [UInt8] {
  fileprivate func replacing(_ part: String, _ by: String) -> [UInt8] {
    String(String.UnicodeScalarView(map { Unicode.Scalar($0) })).replacing(part, with: by).unicodeScalars.map {
      UInt8(truncatingIfNeeded: $0.value)
    }
  }
}
