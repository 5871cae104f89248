import Foundation
import Partners
import Store
import Testing

extension Ways {
  /// What must not be read where it does not belong: patients, and keys.
  @Suite struct `Nothing of a patient` {
    private static let canaries = ["Canaryname", "CANARY-MRN-7781", "Canary Lane 9", "CANARYNOTE"]

    private func message(_ id: String, event: String = "A01", more: [String] = []) -> [UInt8] {
      Sample.adt(
        id, event: event, name: "Canaryname^Anna", patient: "CANARY-MRN-7781",
        more: ["NK1|1|Canaryname^Otto|SPO|Canary Lane 9", "NTE|1|L|CANARYNOTE"] + more)
    }

    /// Every file of a folder that holds one of the words.
    private func found(_ words: [String], in folder: String) -> [String] {
      let names = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []
      return names.filter { name in
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)"), !data.isEmpty else { return false }
        return words.contains {
          data.range(of: Data($0.utf8)) != nil
            || data.range(of: Data($0.utf16.flatMap { [UInt8($0 & 0xFF), 0] })) != nil
        }
      }
    }

    /// Looks at everything that people and programs are shown, once people were told of everything.
    private func looked(at project: Project, _ hook: Hook) async throws {
      // What waits for its folder, for a person and for nothing any more.
      let kinds: Set = ["backlog", "oldest", "lane-down", "dead", "failed", "held"]
      try await eventually("people are told of everything") {
        try Set(hook.requests.compactMap { try $0.json()["kind"] as? String }).isSuperset(of: kinds)
      }
      for request in hook.requests {
        let text = request.head + String(decoding: request.body, as: UTF8.self)
        for canary in Self.canaries { #expect(!text.contains(canary), "the web hook got \(canary)") }
      }
      for words in [
        ["status"], ["status", "--json"], ["audit"], ["logs", "-n", "100"], ["lane", "list", "adt/ehr"], ["metrics"],
        ["health"], ["alert", "list", "--all"], ["alert", "list", "--json"],
      ] {
        let result = try await project.run([Project.binary] + words)
        for canary in Self.canaries {
          #expect(!(result.output + result.errors).contains(canary), "hilum \(words) says \(canary)")
        }
      }
    }

    @Test func `is in log, metrics, alerts, standard error or readable in the data folder, whatever becomes of it`()
      async throws
    {
      let way = try await OneWay.make(
        destination: ", timeout: 300ms",
        lane: """
          retry: {first: 20ms, factor: 1, longest: 20ms}
              refused: {AE: 1}
            folder:
              when: MSH-9.2 == "A02"
              file: {directory: ../missing, name: "{PID-5[1].1.1}.hl7"}
          """,
        channel:
          "transform: ../Transforms/adt.hilt\ncolumns: {mrn: \"PID-3[1].1\", name: \"PID-5[1].1.1\"}\n"
          + "limits: {message: 512KiB}\n"
          + "alerts: {backlog: 1, oldest: 1s, lane-down: 1s, dead: 1, failed: 1, held: 1, settle: 0s}"
      )
      let hook = try Hook()
      try way.project.write(
        "Transforms/adt.hilt",
        """
        transform adt
          in  hl7 2.3..2.6 ADT_*
          out hl7

        when MSH-9.2 == "A03" => drop "not {PID-5[1].1.1}"
        when MSH-9.2 == "A04" => reject AE 207 "not {PID-3[1].1}" at PID-3
        when MSH-9.2 == "A05" => fail "not {PID-5[1].1.1}"
        when MSH-9.2 == "A06" => hold "look at {PID-5[1].1.1}"
        let count = if MSH-9.2 == "A07" then (number(PID-5[1].1.1) catch fail "no number: {PID-5[1].1.1}") else 0
        note "seen {PID-5[1].1.1} {count}"
        emit msg

        """)
      try way.project.write(
        "hilum.yaml",
        "log: {level: trace}\nnotify: {webhook: {url: \"http://127.0.0.1:\(hook.port)/\"}}\n")
      way.partner.answer { reception in
        switch reception.controlID {
        case "AE":
          ReceiverBehaviour(
            .bytes(
              Wire.frame(
                Array(
                  "MSH|^~\\&|||||||ACK|1|P|2.5\rMSA|AE|AE|Canaryname is unknown\rERR||PID^1^5|207|E||||CANARYNOTE\r"
                    .utf8))))
        case "GARBAGE": ReceiverBehaviour(.bytes(Wire.frame(Array("Canaryname CANARYNOTE".utf8))))
        case "SILENT": ReceiverBehaviour(.none)
        default: ReceiverBehaviour()
        }
      }
      let engine = try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      for (id, event) in [
        ("OK", "A01"), ("FOLDER", "A02"), ("DROP", "A03"), ("REJECT", "A04"), ("FAIL", "A05"), ("HOLD", "A06"),
        ("NUMBER", "A07"),
        ("AE", "A01"), ("GARBAGE", "A01"), ("BETWEEN", "A01"), ("SILENT", "A01"),
      ] {
        _ = try await wire.exchange(message(id, event: event))
      }
      _ = try await wire.exchange(
        message("BLOB", more: ["OBX|1|TX|||" + String(repeating: "CANARYNOTE ", count: 40_000)]))
      _ = try await wire.exchange(Array("ZZZ|Canaryname|CANARYNOTE\r".utf8))
      _ = try await wire.exchange(message("OK"))
      let large = try await Wire.connect(to: way.port)
      try await large.send(
        Wire.frame(message("LARGE", more: ["OBX|1|TX|||" + String(repeating: "CANARYNOTE ", count: 100_000)])))
      _ = try await large.receive()
      let torn = try await Wire.connect(to: way.port)
      try await torn.send([0x0B] + message("TORN"))
      torn.finish()
      _ = try await torn.receive()
      try await Wire.connect(to: way.port).send(Array("Canaryname CANARYNOTE".utf8))
      try await eventually("everything is decided but what waits for its folder") {
        let lanes = try await way.project.ledger("adt").lanes
        return lanes[0].waiting == 0 && lanes[0].created >= 5
      }
      try await looked(at: way.project, hook)

      // In the write-ahead log first, then in the file.
      #expect(found(Self.canaries, in: way.project.path("data")) == [])
      await engine.kill()
      #expect(found(Self.canaries, in: way.project.path("data")) == [])
      let second = try await way.project.start()
      #expect(await second.stop(within: 20) == .exited(0))
      #expect(found(Self.canaries, in: way.project.path("data")) == [])
      #expect(found(Self.canaries, in: way.project.runs).filter { $0.contains("engine") } == [])
      // The search was no empty one: what a person asks for is there.
      try await way.project.start()
      #expect(
        try await way.project.hilum("messages", "list", "--where", "mrn=CANARY-MRN-7781").output.contains("Canaryname"))
    }

    @Test func `nor a key or a password is in the data folder's files, the log, or what a check says`() async throws {
      let project = try Project()
      let key = (0..<32).map { UInt8($0 * 7 + 3) }
      let base64 = Data(key).base64EncodedString()
      try project.write("hilum.yaml", "encryption:\n  key: {env: HILUM_TEST_KEY}\nlog: {level: trace}\n")
      let port = try project.port()
      try project.write(
        "Channels/adt.yaml",
        "channel: adt\nsource: {mllp: {port: \(port)}}\n"
          + "destinations:\n  d: {file: {directory: ../out, name: \"{MSH-10}\"}}\n"
      )
      let engine = try await project.start(environment: ["HILUM_TEST_KEY": base64])
      #expect(try await send([message("K1")], to: port).isAllAccepted)
      try await project.drained()
      #expect(await engine.stop() == .exited(0))
      #expect(project.names(in: "data/keys").isEmpty)
      let names = FileManager.default.enumerator(atPath: project.path("data"))?.allObjects as? [String] ?? []
      for name in names {
        let data = FileManager.default.contents(atPath: project.path("data/\(name)")) ?? Data()
        #expect(data.range(of: Data(key)) == nil && data.range(of: Data(base64.utf8)) == nil, "\(name)")
      }
      #expect(!engine.launch.errors.contains(base64))
      // Without the key, and with another one, it is refused, and neither is shown.
      let other = Data(key.reversed()).base64EncodedString()
      for environment in [[:], ["HILUM_TEST_KEY": other], ["HILUM_TEST_KEY": "short-secret-canary"]] {
        let refused = try project.launch(environment: environment)
        #expect(await refused.launch.ending(within: 20) == .exited(1))
        #expect(!refused.launch.errors.isEmpty)
        for secret in [base64, other, "short-secret-canary"] {
          #expect(!refused.launch.errors.contains(secret), "\(refused.launch.errors)")
        }
      }
      try project.write("hilum.yaml", "encryption:\n  key: plain-secret-canary\n")
      let checked = try await project.hilum("check")
      #expect(checked.status == 1 && !(checked.output + checked.errors).contains("plain-secret-canary"), "\(checked)")
    }

    @Test func `is left where the engine dies: no core, no memory on standard error`() async throws {
      let way = try await OneWay.make(channel: "transform: ../Transforms/adt.hilt")
      try way.project.write("Transforms/adt.hilt", "transform adt\n  in hl7\n  out hl7\nemit msg\n")
      // As an installation has it: no variable turns the backtrace off.
      let engine = try await way.project.start(
        environment: ["HILUM_FAILPOINT": "in-pipeline=CANARY-TRAP", "SWIFT_BACKTRACE": "enable=yes,symbolicate=off"])
      _ = try await send([message("CANARY-TRAP")], to: way.port) { $0.timeout = .seconds(20) }
      guard case .signalled(let number)? = await engine.launch.ending(within: 60) else {
        Issue.record("the engine did not trap")
        return
      }
      #expect(number != SIGKILL)
      for canary in Self.canaries + ["CANARY-TRAP"] {
        #expect(!engine.launch.errors.contains(canary))
        // A backtrace shows what registers point to, sixteen bytes of it, in hexadecimal.
        let hexadecimal = canary.utf8.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(
          separator: " ")
        #expect(!engine.launch.errors.contains(hexadecimal), "\(canary) is in the backtrace")
      }
      #expect(found(Self.canaries, in: way.project.folder) == [])
    }
  }

  @Suite struct `What steers a terminal or a log` {
    @Test func `is written out, one record a line`() async throws {
      let way = try await OneWay.start(channel: "columns: {who: \"PID-5[1].1.1\"}")
      let evil = "Evil\u{1B}[31m\u{7}\u{9B}2J\u{202E}2026-01-01 00:00:00.000Z ERROR forged"
      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(Sample.adt("LOG\u{1B}[2J\n2026-01-01 ERROR forged", name: evil)).message != nil)
      way.partner.answer(
        ReceiverBehaviour(
          .bytes(Wire.frame(Array("MSH|^~\\&|||||||ACK|1|P|2.5\rMSA|AR|LOG2|no\u{1B}[31m\nERROR forged\r".utf8)))))
      #expect(try await wire.exchange(Sample.adt("LOG2", name: evil)).code == "AA")
      try await way.project.drained()
      let message = try #require(try await way.project.messages().first)
      for words in [
        ["messages", "list"], ["messages", "show", message.id], ["why", message.id], ["dead", "list"], ["status"],
        ["logs"], ["audit"],
      ] {
        let result = try await way.project.run([Project.binary] + words)
        let steering = result.output.unicodeScalars.filter {
          ($0.value < 0x20 && $0.value != 0x0A) || (0x7F..<0xA0).contains($0.value)
            || (0x202A...0x202E).contains($0.value)
        }
        #expect(steering.isEmpty, "\(words): \(steering.map { String($0.value, radix: 16) })")
        #expect(
          !result.output.split(separator: "\n").contains {
            $0.hasPrefix("ERROR forged") || $0.hasPrefix("2026-01-01 ERROR")
          }, "\(words)")
      }
      for line in way.project.log.split(separator: "\n") {
        #expect(line.wholeMatch(of: /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \+\d\d:\d\d [A-Z]+ .*/) != nil, "\(line)")
      }
    }
  }
}
