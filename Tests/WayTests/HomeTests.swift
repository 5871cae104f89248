import Admin
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A message comes home` {
    @Test func `from a sender to a partner and a folder, and everything can be told of it`() async throws {
      let project = try Project()
      let partner = try await Partner.start()
      let port = try project.port()
      try project.write(
        "Channels/adt.yaml",
        """
        channel: adt
        source:
          mllp: {port: \(port)}
        transform: ../Transforms/adt.hilt
        destinations:
          ehr:
            mllp: {host: 127.0.0.1, port: \(partner.port)}
          archive:
            when: MSH-9.2 == "A01"
            file: {directory: ../out, name: "{MSH-10}.hl7"}
        columns: {mrn: "PID-3[1].1"}
        """)
      try project.write(
        "Transforms/adt.hilt",
        """
        transform adt
          in  hl7
          out hl7

        let out = copy msg
        out.PID-5[1].1.1 = upper(PID-5[1].1.1)
        emit out

        """)
      let engine = try await project.start()

      let report = try await send([Sample.adt("M1"), Sample.adt("M2", event: "A08", patient: "77")], to: port)

      #expect(report.count(.AA) == 2)
      let got = try await partner.waits(for: 2)
      #expect(got.map(\.controlID) == ["M1", "M2"])
      #expect(Sample.field("PID", 5, of: try #require(got[0].bytes)) == "MILLER^Anna")
      try await project.drained()
      #expect(project.names(in: "out") == ["M1.hl7"])
      #expect(project.read("out/M1.hl7") == got[0].bytes)

      let messages = try await project.messages()
      #expect(messages.map { $0.columns["mrn"] } == ["77", "123456"])
      #expect(messages.allSatisfy { $0.state == .routed })
      let found = try await project.hilum("messages", "list", "--where", "mrn=77", "--json")
      #expect(found.output.contains(messages[0].id) && !found.output.contains(messages[1].id))
      let story = try await project.story(messages[0].id)
      #expect(story.contains("ehr took it at the first try: AA"))
      #expect(story.contains("It did not go to archive"))
      let shown = try await project.hilum("messages", "show", messages[1].id)
      #expect(
        shown.output.contains("Miller^Anna") && shown.output.contains("MILLER^Anna")
          && shown.output.contains("MSA|AA|M1"))

      let ledger = try await project.ledger("adt")
      #expect(ledger.received == 2 && ledger.routed == 2)
      #expect(ledger.lanes.map(\.delivered) == [2, 1] && ledger.lanes.map(\.passedBy) == [0, 1])
      #expect(await engine.stop() == .exited(0))
    }

    @Test func `with the bytes that came in, whatever they are, where no transform changes them`() async throws {
      let way = try await OneWay.start()
      // Latin-1 without a declaration, odd delimiters, trailing blanks, an empty last segment's worth of CR, a Z
      // segment.
      let odd =
        Array("MSH#*!\\%#PAS#H#HUB#H#20260101##ADT*A01#ODD-1#P#2.3\rPID#1##9*****MR##M".utf8) + [0xFC]
        + Array("ller*Anna  #\rZZZ#1#a!b!!c###\r\r".utf8)
      let messages = [
        odd, Sample.adt("ODD-2", more: ["NTE|1|L|a\\.br\\b\\X0D\\c"]), Array(Sample.adt("ODD-3").dropLast()),
      ]

      let report = try await send(messages, to: way.port)

      #expect(report.isAllAccepted, "\(report)")
      let got = try await way.partner.waits(for: 3)
      #expect(got.map(\.bytes) == messages)
      let stored = try await way.project.messages()
      for (message, expected) in zip(stored.reversed(), messages) {
        let exported = try await way.project.hilum("messages", "export", message.id)
        #expect(exported.output == String(decoding: expected, as: UTF8.self))
        #expect(message.byteCount == expected.count)
      }
    }

    @Test func `and is acknowledged as MSH-15 and MSH-16 ask`() async throws {
      let way = try await OneWay.start()
      let wire = try await Wire.connect(to: way.port)
      let cases: [(header: String, code: String)] = [
        ("P|2.5.1", "AA"), ("P|2.5.1|||AL|NE", "CA"), ("P|2.5.1|||NE|AL", "AA"), ("P|2.1", "AA"),
      ]
      for (number, expected) in cases.enumerated() {
        let answer = try await wire.exchange(Sample.adt("ACK-\(number)", header: expected.header))
        let bytes = try #require(answer.message)
        #expect(answer.controlID == "ACK-\(number)")
        if expected.header.hasSuffix("NE|AL") {
          // No accept acknowledgement is wanted; whether the application's comes now is the engine's to say.
          #expect(["AA", "CA"].contains(answer.code ?? ""))
        } else {
          #expect(answer.code == expected.code, "MSH \(expected.header)")
        }
        #expect(Sample.field("MSH", 3, of: bytes) == "HUB" && Sample.field("MSH", 5, of: bytes) == "PAS")
        #expect(Sample.field("MSH", 12, of: bytes) == expected.header.split(separator: "|")[1].description)
      }
    }

    @Test func `several in one write are answered in their order`() async throws {
      let way = try await OneWay.start()
      let wire = try await Wire.connect(to: way.port)
      let ids = (0..<50).map { "W\($0)" }

      try await wire.send(ids.flatMap { Wire.frame(Sample.adt($0)) })

      for id in ids {
        let answer = try await wire.receive()
        #expect(answer.code == "AA" && answer.controlID == id)
      }
      #expect(try await way.partner.waits(for: 50).map(\.controlID) == ids)
    }

    @Test func `through two channels, one of them fed by the other's folder`() async throws {
      let project = try Project()
      let partner = try await Partner.start()
      let port = try project.port()
      try project.makeFolder("handover")
      try project.write(
        "Channels/first.yaml",
        """
        channel: first
        source:
          mllp: {port: \(port)}
        destinations:
          folder:
            file: {directory: ../handover, name: "{MSH-10}.hl7"}
        """)
      try project.write(
        "Channels/second.yaml",
        """
        channel: second
        source:
          file: {directory: ../handover, complete: {by: rename}, after: delete}
        format: hl7v2
        destinations:
          ehr:
            mllp: {host: 127.0.0.1, port: \(partner.port)}
        """)
      try await project.start()
      let messages = (0..<20).map { Sample.adt("TWO-\(10 + $0)") }

      #expect(try await send(messages, to: port).isAllAccepted)

      let got = try await partner.waits(for: 20)
      #expect(got.map(\.bytes) == messages)
      try await eventually("the folder is empty") {
        project.names(in: "handover").filter { $0.hasSuffix(".hl7") }.isEmpty
      }
      try await project.drained()
      #expect(try await project.ledger("second").routed == 20)
    }
  }
}
