import Admin
import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A batch that is split` {
    private func make(_ transform: String? = nil) throws -> Project {
      let project = try Project()
      try project.write(
        "Channels/rows.yaml",
        """
        channel: rows
        format: delimited
        source:
          file: {directory: ../in}
          split: record
        transform: ../Transforms/rows.hilt
        destinations:
          copy: {file: {directory: ../out, name: "{message.source.batch.number}.csv"}}

        """)
      try project.write("Transforms/rows.hilt", transform ?? Self.lines)
      return project
    }

    private func put(_ project: Project, _ name: String, _ text: String) throws {
      try project.write(".\(name)", text)
      try FileManager.default.moveItem(atPath: project.path(".\(name)"), toPath: project.path("in/\(name)"))
    }

    private static let lines = """
      transform rows
        in  delimited separator ";" header yes columns id, name
        out text
      for row in msg.rows {
        when row.id == "9" => reject AE 207 "no"
        emit "{row.id}={row.name}"
      }
      none => drop "no row"

      """

    @Test func `gives each record an id, its header and the batch's id`() async throws {
      let project = try make()
      try await project.start()
      try put(project, "a.csv", "id;name\r\n1;Miller\r\n2;\"Smith\nand son\"\r\n3;Jones\r\n")
      try await eventually("each is written") { project.names(in: "out") == ["1.csv", "2.csv", "3.csv"] }
      #expect(String(decoding: project.read("out/2.csv"), as: UTF8.self) == "2=Smith\nand son")
      let messages = try await project.messages()
      let batch = try #require(messages.first?.columns["batch"])
      #expect(messages.count == 3 && messages.allSatisfy { $0.columns["batch"] == batch })
      let listed = try await project.hilum("messages", "list", "--where", "batch=\(batch)")
      #expect(listed.status == 0 && listed.output.contains(messages[0].id), "\(listed.output)")
      let story = try await project.story(messages[0].id)
      #expect(story.contains("part 3 of 3 of the batch \(batch)"), "\(story)")
      #expect(try await project.ledger("rows").arrivals == ["received": 3, "accepted": 3, "routed": 3])
    }

    @Test func `is rejected whole for one of its records, and nothing of it is processed`() async throws {
      let project = try make()
      try await project.start()
      try put(project, "a.csv", "id;name\n1;Miller\n2;Smith\n9;Jones\n")
      try await eventually("it is rejected") { try await project.ledger("rows").rejected == 1 }
      #expect(try await project.ledger("rows").arrivals == ["received": 1, "rejected": 1])
      let rejected = try #require(try await project.messages(.rejected).first)
      #expect(rejected.reason?.hasPrefix("part 3 of 3: ") == true, "\(rejected)")
      #expect(project.names(in: "out") == [])
    }

    @Test(arguments: ["before-commit", "after-commit"])
    func `killed in the middle, each record is there once`(point: String) async throws {
      let project = try make()
      let rows = (101...500).map { "\($0);Name \($0)" }
      try put(project, "a.csv", "id;name\n" + rows.joined(separator: "\n") + "\n")
      for commit in [3, 5, 8, 12] {
        let engine = try project.launch(environment: ["HILUM_FAILPOINT": "\(point):\(commit)"])
        _ = await engine.launch.ending(within: 10)
        await engine.kill()
      }
      try await project.start()
      try await eventually("all are written") { project.names(in: "out").count == 400 }
      try await project.drained()
      let ledger = try await project.ledger("rows")
      #expect(ledger.routed == 400 && ledger.rejected == 0, "\(ledger.arrivals)")
      let messages = try await project.messages().filter { $0.state == .routed }
      #expect(Set(messages.compactMap { $0.columns["batch"] }).count == 1)
    }

    @Test func `or a message of several orders, each with the patient and an id of its own, again after a kill`()
      async throws
    {
      let project = try Project()
      let port = try project.port()
      let partner = try await Partner.start()
      try project.write(
        "Channels/lab.yaml",
        """
        channel: lab
        source: {mllp: {port: \(port)}, split: {segment: OBR}}
        destinations: {ehr: {mllp: {host: 127.0.0.1, port: \(partner.port)}}}

        """)
      func message(_ id: String, orders: Int, rejected: Bool = false) -> [UInt8] {
        let head = ["MSH|^~\\&|LAB|H|HUB|H|20260101||ORU^R01^ORU_R01|\(id)|P|2.5.1", "PID|1||7^^^H^MR||a^b"]
        let groups = (0..<orders).flatMap {
          ["ORC|RE|\($0)", "OBR|\($0)|\($0)||A", "NTE|1||n\($0)", "OBX|1|NM|G||\($0)||||||F"]
        }
        return Array((head + groups).joined(separator: "\r").utf8) + [0x0D]
      }
      let engine = try project.launch(environment: ["HILUM_FAILPOINT": "after-commit:2"])
      try await engine.ready()
      _ = try? await send([message("M", orders: 3)], to: port) { $0.timeout = .seconds(3) }
      await engine.kill()
      try await project.start()
      let wire = try await Wire.connect(to: port)
      let answer = try await wire.exchange(message("M", orders: 3))
      #expect(answer.code == "AA" && answer.controlID == "M")
      #expect(try await wire.exchange(message("N", orders: 1)).code == "AA")
      #expect(try await wire.exchange(message("O", orders: 0)).code == "AA")
      try await project.drained()
      #expect(Set(partner.controlIDs) == ["M.1", "M.2", "M.3", "N", "O"])
      let second = try #require(partner.got.first { $0.controlID == "M.2" }?.bytes)
      let segments = String(decoding: second, as: UTF8.self).split(separator: "\r").map { $0.prefix(5) }
      #expect(segments == ["MSH|^", "PID|1", "ORC|R", "OBR|1", "NTE|1", "OBX|1"])
      #expect(Sample.field("NTE", 3, of: second) == "n1")
      let batches = try await project.messages().compactMap { $0.columns["batch"] }
      #expect(batches.count == 5 && Set(batches).count == 3)
    }

    @Test func `or a document, of which each element becomes a message, and one that can't be split is rejected`()
      async throws
    {
      let project = try Project()
      try project.write(
        "Channels/lists.yaml",
        """
        channel: lists
        format: xml
        source:
          file: {directory: ../in}
          split: {xpath: "/l:list//l:patient", namespaces: {l: "urn:list"}}
        destinations:
          copy: {file: {directory: ../out, name: "{message.source.batch.number}.xml"}}

        """)
      try await project.start()
      let rest = #"<patient t="v:x">M&amp;üller</patient><x/><patient><a/></patient></list>"#
      try put(project, "a.xml", #"<list xmlns="urn:list" xmlns:v="urn:v">"# + rest)
      try await eventually("each is written") { project.names(in: "out") == ["1.xml", "2.xml"] }
      let head = #"<?xml version="1.0" encoding="UTF-8"?><patient xmlns="urn:list" xmlns:v="urn:v""#
      #expect(
        String(decoding: project.read("out/1.xml"), as: UTF8.self) == head + #" t="v:x">M&amp;üller</patient>"#)
      #expect(String(decoding: project.read("out/2.xml"), as: UTF8.self) == head + "><a/></patient>")
      let documents = [
        "<list/>": "there is nothing in it at", "<!DOCTYPE list><list/>": "line 1, column 15: a DOCTYPE is not read",
        "<list xmlns='urn:list'>\n<patient></list>": "line 2, column 17: an end tag names another element",
        "<list xmlns='urn:list'><patient>\n<patient/></patient></list>": "what line 2 has at",
      ]
      for (index, document) in documents.keys.sorted().enumerated() { try put(project, "\(index).xml", document) }
      try await eventually("they are rejected") { try await project.ledger("lists").rejected == 4 }
      let reasons = try await project.messages(.rejected).compactMap(\.reason)
      for words in documents.values { #expect(reasons.contains { $0.contains(words) }, "\(words): \(reasons)") }
      #expect(try await project.ledger("lists").arrivals == ["received": 6, "accepted": 2, "routed": 2, "rejected": 4])
    }

    @Test func `is only for what has records`() async throws {
      let project = try make()
      let port = try project.port()
      try project.write(
        "Channels/hl.yaml",
        "channel: hl\nsource: {mllp: {port: \(port)}, split: record}\n"
          + "destinations: {o: {file: {directory: ../out, name: x}}}\n")
      let check = try await project.hilum("check")
      #expect(check.status == 1 && check.output.contains("hl7v2 has no records to split"), "\(check.output)")
    }
  }
}
