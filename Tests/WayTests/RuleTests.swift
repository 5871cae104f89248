import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  /// Messages that break a rule of the standard or of their channel.
  @Suite struct `What keeps no rule` {
    @Test func `a sequence number that is not the next is flagged on its message and counted`() async throws {
      let way = try await OneWay.start()
      let wire = try await Wire.connect(to: way.port)
      for (id, number) in [("S1", 1), ("S2", 2), ("S3", 5), ("S4", 5), ("S5", 0), ("S6", 1)] {
        #expect(try await wire.exchange(Sample.adt(id, header: "P|2.5.1|\(number)")).code == "AA")
      }
      let sequence = try await way.project.channel("adt").sequence
      #expect(sequence?.gaps == 1 && sequence?.repeats == 1 && sequence?.resets == 1)
      #expect(sequence?.last == "sequence-reset: MSH-13 is 0 after 5")
      let records = try await way.project.messages()
      #expect(records.count == 6)
      var flagged: [String] = []
      for record in records {
        let story = try await way.project.story(record.id.description)
        flagged += story.split(separator: "\n").filter { $0.contains("MSH-13") }.map(String.init)
      }
      #expect(flagged.count == 3, "\(flagged)")
      #expect(try await way.project.hilum("status").output.contains("1 gaps, 1 repeats, 1 resets in MSH-13"))
      try await way.partner.waits(for: 6)
    }

    @Test func `bytes that are not of their character set are kept, and go when the channel says what they are`()
      async throws
    {
      let latin = Sample.adt("C1", header: "P|2.5.1||||||UNICODE UTF-8").map { $0 == UInt8(ascii: "i") ? 0xFC : $0 }
      let way = try await OneWay.make(channel: "transform: ../Transforms/adt.hilt\ncolumns: {name: \"PID-5[1].1.1\"}")
      try way.project.write(
        "Transforms/adt.hilt",
        "transform adt\n  in hl7\n  out hl7\nlet out = copy msg\nout.PID-5[1].2 = upper(PID-5[1].1.1)\nemit out\n")
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      let answer = try await wire.exchange(latin)
      #expect(answer.code == "AA" && answer.controlID == "C1")
      let record = try #require(try await way.project.messages(.failed).first)
      let command = "\(Project.binary) messages export \(record.id) > raw"
      #expect(try await way.project.run(["sh", "-c", command]).status == 0)
      #expect(way.project.read("raw") == latin)
      #expect(way.partner.got.isEmpty)

      let yaml = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write(
        "Channels/adt.yaml", yaml.replacing("hl7: {}", with: "hl7: {charset: latin1, charset-declared: ignore}"))
      #expect(try await way.project.hilum("deploy").status == 0)
      #expect(try await way.project.hilum("failed", "retry", record.id.description).status == 0)
      let sent = try #require(try await way.partner.waits(for: 1).first?.bytes)
      #expect(!sent.contains(0xEF) && sent.contains(0xDC), "in latin1, and in capitals")
    }

    @Test func `what no transform takes is refused by its code, passed on or failed, as the channel says`() async throws
    {
      for (word, codes, states) in [
        ("reject", ["AR", "AR", "AR"], [MessageState.rejected: 3]), ("fail", ["AA", "AA", "AA"], [.failed: 3]),
        ("pass", ["AA", "AA", "AA"], [.routed: 3]),
      ] {
        let way = try await OneWay.make(
          lane: "transform: ../Transforms/adt.hilt", channel: "unexpected: \(word)")
        try way.project.write(
          "Transforms/adt.hilt", "transform adt\n  in hl7 2.3..2.6 ADT_A01\n  out hl7\nlet out = copy msg\nemit out\n")
        try await way.project.start()
        let wire = try await Wire.connect(to: way.port)
        var numbers: [String] = []
        let odd = [
          Sample.adt("U1", event: "A40"), Sample.adt("U2", header: "P|2.7"),
          Array(String(decoding: Sample.adt("U3"), as: UTF8.self).replacing("ADT^A01", with: "ORU^R01").utf8),
        ]
        for (message, code) in zip(odd, codes) {
          let answer = try await wire.exchange(message)
          #expect(answer.code == code, "\(word)")
          numbers.append(answer.message.flatMap { Sample.field("ERR", 3, of: $0) }.map { String($0.prefix(3)) } ?? "")
        }
        if word == "reject" { #expect(numbers == ["201", "203", "200"]) }
        for (state, count) in states { #expect(try await way.project.messages(state).count == count, "\(word)") }
        #expect(try await wire.exchange(Sample.adt("U4")).code == "AA")
        let expected = word == "pass" ? ["U1", "U2", "U3", "U4"] : ["U4"]
        try await way.partner.waits(for: expected.count)
        #expect(way.partner.controlIDs == expected)
      }
    }
  }
}
