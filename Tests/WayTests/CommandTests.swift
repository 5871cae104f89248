import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `Every command` {
    private static let commands: [[String]] = [
      ["init"], ["check"], ["fmt"], ["test"], ["try"], ["explain"], ["reference"], ["run"], ["status"],
      ["start"], ["pause"], ["stop"], ["lane", "list"],
      ["lane", "pause"], ["lane", "resume"], ["lane", "cancel"], ["ping"], ["logs"], ["messages", "list"],
      ["messages", "show"],
      ["messages", "export"], ["why"], ["dead", "list"], ["dead", "retry"], ["dead", "discard"], ["failed", "list"],
      ["failed", "retry"], ["failed", "discard"], ["resend"], ["reprocess"], ["audit"], ["send"], ["receive"],
      ["bench"],
    ]

    @Test func `explains itself with an example, and is named where help begins`() async throws {
      let project = try Project()
      let all = try await project.hilum("--help")
      #expect(all.status == 0)
      for words in Self.commands {
        let help = try await project.run([Project.binary] + words + ["--help"])
        #expect(help.status == 0 && help.errors.isEmpty, "\(words)")
        #expect(
          help.output.contains("Example") && help.output.contains("hilum " + words.joined(separator: " ")),
          "\(words): \(help.output)")
        #expect(all.output.contains("  \(words[0]) "), "\(words[0]) is not in `hilum --help`")
      }
      #expect(try await project.hilum("--version").output.hasPrefix("hilum "))
    }

    @Test func `ends with 2 where it is used wrongly`() async throws {
      let project = try Project()
      let wrong: [[String]] = [
        ["nonsense"], ["status", "--nonsense"], ["send"], ["send", "http://x", "y"],
        ["send", "mllp://127.0.0.1:1", "no-such-file"],
        ["receive", "mllp://127.0.0.1:0", "--answer", "XX"], ["check", "no-such-file"],
        ["receive", "mllp://127.0.0.1:0", "--application-ack-after", "5"],
        ["receive", "mllp://127.0.0.1:0", "--application-ack", "CA"],
        ["receive", "mllp://127.0.0.1:0", "--application-ack", "AA", "--application-ack-to", "x"],
        ["try", "no-such.hilt", "no-such"],
        ["explain", "E999"], ["messages", "list", "--state", "lost"], ["messages", "list", "--where", "x"],
        ["messages", "list", "--since", "x"], ["dead", "retry"], ["failed", "retry"], ["dead", "discard", "x"],
        ["lane", "cancel", "adt/ehr", "--reason", "x"], ["lane", "pause", "adt"], ["ping", "a/b/c"],
        ["bench", "--connections", "0"],
      ]
      for words in wrong {
        let result = try await project.run([Project.binary] + words, within: 20)
        #expect(
          result.status == 2, "hilum \(words.joined(separator: " ")) ended with \(result.status): \(result.errors)")
        #expect(!result.errors.isEmpty && result.output.isEmpty, "\(words)")
      }
    }

    @Test func `ends with 1 and says what to do where no engine runs`() async throws {
      let project = try Project()
      let talking: [[String]] = [
        ["status"], ["start", "a"], ["pause", "a"], ["stop", "a"], ["lane", "list", "a/b"], ["lane", "pause", "a/b"],
        ["ping", "a/b"],
        ["messages", "list"], ["why", "x"], ["dead", "list"], ["failed", "list"], ["resend", "x"], ["reprocess", "x"],
        ["audit"],
      ]
      for words in talking {
        let result = try await project.run([Project.binary] + words)
        #expect(result.status == 1 && result.errors.contains("hilum run"), "\(words): \(result)")
      }
      try await project.start()
      await project.running?.kill()
      let dead = try await project.hilum("status")
      #expect(dead.status == 1 && dead.errors.contains("No engine answers"), "\(dead)")
    }

    @Test func `that runs an engine where no project is refuses, says what to do and makes nothing`() async throws {
      let project = try Project()
      try FileManager.default.removeItem(atPath: project.path("Channels"))
      let before = project.names(in: "")
      for words in [[], ["--data", "elsewhere"], ["--settings", "no-such.yaml"]] {
        let told = try await project.run([Project.binary, "run"] + words, within: 20)
        #expect(told.status == 2 && told.output.isEmpty, "\(words): \(told)")
        #expect(told.errors.contains(words.first == "--settings" ? "no-such.yaml" : "hilum init"), "\(told)")
      }
      #expect(project.names(in: "") == before)
      // Named on the command line, or a project by its settings alone, it is meant.
      try project.makeFolder("elsewhere")
      let named = try await project.start(["--channels", "elsewhere"])
      #expect(await named.stop() == .exited(0))
      try project.write("hilum.yaml", "channels: elsewhere\n")
      #expect(await (try await project.start()).stop() == .exited(0))
    }

    @Test func `that hilum init prints do what they say when they are pasted at once`() async throws {
      let project = try Project()
      let printed = try await project.hilum("init", "hospital").output
      let page = try #require(printed.split(separator: "Next:").last)
      let (inbound, outbound) = (try project.port(), try project.port())
      let channel = String(decoding: project.read("hospital/Channels/first.yaml"), as: UTF8.self)
      func local(_ text: String) -> String {
        text.replacing("2575", with: "\(inbound)").replacing("6661", with: "\(outbound)")
      }
      try project.write("hospital/Channels/first.yaml", local(channel))
      let script = """
        set -e
        hilum() { "\(Project.binary)" "$@"; }
        trap 'kill $(jobs -p); wait' EXIT
        \(local(String(page)))
        """
      let result = try await project.run(["bash", "-c", script])
      #expect(result.status == 0 && result.output.contains("The ledger adds up."), "\(result)")
    }

    @Test func `of a first project does what the page after hilum init says`() async throws {
      let project = try Project()
      #expect(try await project.hilum("init", "hospital").status == 0)
      #expect(try await project.hilum("init", "hospital").status == 1, "nothing is overwritten")
      let there = project.path("hospital")
      func hilum(_ words: String...) async throws -> Project.CommandResult {
        try await project.run(["env", "-C", there, Project.binary] + words)
      }
      let checked = try await hilum("check")
      #expect(checked.status == 0 && checked.output.contains("0 errors, 0 warnings"), "\(checked)")
      let strict = try await hilum("check", "--strict", "Channels", "Transforms/first.hilt")
      #expect(strict.status == 0, "\(strict)")
      let tried = try await hilum("try", "Transforms/first.hilt", "samples/a01.hl7")
      #expect(
        tried.status == 0 && tried.output.contains("MILLER^Anna") && tried.output.contains("routed: 1 emitted"),
        "\(tried)")

      // The ports of the page may be in use on this machine.
      let (inbound, outbound) = (try project.port(), try project.port())
      let channel = String(decoding: project.read("hospital/Channels/first.yaml"), as: UTF8.self)
      try project.write(
        "hospital/Channels/first.yaml",
        channel.replacing("port: 2575", with: "port: \(inbound)").replacing("port: 6661", with: "port: \(outbound)"))
      let receiver = try Launch(
        [Project.binary, "receive", "mllp://127.0.0.1:\(outbound)"], in: there, output: project.path("receiver.out"),
        errors: project.path("receiver.err"))
      try await eventually("it receives") { receiver.output.contains("hilum receives on") }
      let engine = try Launch(
        [Project.binary, "run"], in: there, output: project.path("engine.out"), errors: project.path("engine.err"))
      try await eventually("it is ready") { engine.output.contains("hilum is ready: 1 of 1 channels") }

      let sent = try await hilum("send", "mllp://127.0.0.1:\(inbound)", "samples/a01.hl7")
      #expect(sent.status == 0 && sent.output.contains("1 AA"), "\(sent)")
      try await eventually("it is received") { receiver.output.contains("MSG00001") }
      try await eventually("it is on disk") { project.names(in: "hospital/out").contains("MSG00001.hl7") }
      #expect(try await hilum("messages").output.contains("mrn=123456"))
      try await eventually("the ledger knows") { try await hilum("audit").output.contains("created 1 = delivered 1") }
      let audit = try await hilum("audit")
      #expect(audit.status == 0 && audit.output.contains("The ledger adds up."))
      receiver.signal(SIGTERM)
      engine.signal(SIGTERM)
      #expect(await receiver.ending(within: 10) == .exited(0))
      #expect(await engine.ending(within: 20) == .exited(0))
      #expect(receiver.output.contains("1 messages, 1 control ids"))
    }

    @Test func `that sends and receives does what its switches say`() async throws {
      let project = try Project()
      let port = try project.port()
      try project.makeFolder("received")
      let receiver = try Launch(
        [Project.binary, "receive", "mllp://127.0.0.1:\(port)", "--drop-every", "5", "--into", "received", "--quiet"],
        in: project.folder, output: project.path("receiver.out"), errors: project.path("receiver.err"))
      try await eventually("it receives") { receiver.output.contains("hilum receives on") }
      try project.write("one.hl7", Sample.adt("ONE"))
      let url = "mllp://127.0.0.1:\(port)"

      let sent = try await project.hilum(
        "send", url, "one.hl7", "--count", "20", "--fresh", "--resend", "10", "--timeout", "2", "--verbose")
      #expect(sent.status == 0 && sent.output.contains("20 AA"), "\(sent)")
      receiver.signal(SIGINT)
      #expect(await receiver.ending(within: 10) == .exited(0))
      #expect(receiver.output.contains("20 control ids"), "\(receiver.output)")
      #expect(project.names(in: "received").count >= 20)
      let away = try await project.hilum("send", url, "one.hl7", "--timeout", "2")
      #expect(away.status == 1 && away.output.contains("no connection"), "\(away)")
    }

    @Test func `that checks shows every problem with its place, and its page explains it`() async throws {
      let project = try Project()
      try project.write(
        "Transforms/t.hilt", "transform t\n  in hl7 2.3..2.6\n  out hl7\nlet x = upper(PID-3[1].1) + 1\nemit msgg\n")
      try project.write(
        "Channels/c.yaml",
        "channel: c\nsource: {mllp: {prt: 1}}\ndestinations:\n  d: {file: {directory: ../out, name: \"x\"}}\n")
      let checked = try await project.hilum("check", "Channels/c.yaml", "Transforms/t.hilt")
      #expect(checked.status == 1)
      for place in ["Channels/c.yaml:2:17", "Transforms/t.hilt:4:", "Transforms/t.hilt:5:6"] {
        #expect(checked.output.contains(place), "\(place) in \(checked.output)")
      }
      struct Shown: Decodable { var code: String }
      let result = try await project.hilum("check", "Channels/c.yaml", "Transforms/t.hilt", "--json")
      let problems = try JSONDecoder().decode([Shown].self, from: Data(result.output.utf8))
      #expect(result.status == 1 && problems.count >= 3)
      for code in Set(problems.map(\.code)) {
        let page = try await project.hilum("explain", code)
        #expect(page.status == 0 && page.output.contains(code))
      }
    }

    @Test func `that checks looks at the files and folders that a channel names`() async throws {
      let project = try Project()
      try project.write("Channels/key.pem", "no certificate")
      try project.write(
        "Channels/c.yaml",
        """
        channel: c
        source:
          mllp:
            port: 2575
            tls: {certificate: server.pem, key: {file: key.pem}}
        destinations:
          here: {file: {directory: ../out, name: x}}
          away: {file: {directory: ../nowhere, name: x}}
        """)
      let checked = try await project.hilum("check")
      #expect(checked.status == 1)
      for line in ["c.yaml:5:24: warning C140", "c.yaml:5:41: error C141", "c.yaml:8:28: warning C140"] {
        #expect(checked.output.contains(line), "\(line) in \(checked.output)")
      }
      #expect(checked.output.contains("1 errors, 2 warnings"), "\(checked.output)")
    }
  }
}
