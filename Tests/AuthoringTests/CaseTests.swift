import Connectors
import Definitions
import Foundation
import Testing

@testable import Authoring

@Suite struct CaseTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.write(
      "Transforms/upper.hilt",
      """
      transform upper
        in  hl7 2.3..2.6 ADT_*
        out hl7
        param hub: text = "HUB"

      when MSH-9.2 == "A60" => drop "not used"
      require PID-3[1].1 is valued else reject AE 101 "no patient" at PID-3
      let out = copy msg
      out.MSH-3 = hub
      out.MSH-7 = hl7(message.received, second)
      if PID-8 == "F" {
        note "a woman of {message.source.file.name}"
        out.PID-5[1].1.1 = upper(PID-5[1].1.1)
      } else {
        note "a man"
      }
      emit out to "ehr", "lab"

      """)
  }

  private func input(_ name: String, event: String = "A01", patient: String = "42", sex: String = "F") throws {
    try workshop.write(
      "Transforms/upper.tests/\(name)/in.hl7",
      "MSH|^~\\&|PAS|X|Y|Z|2026||ADT^\(event)|1|P|2.5.1\nPID|1||\(patient)||Miller^Anna||19800101|\(sex)\n")
  }

  private func run(_ path: String = "", accepts: Bool = false) throws -> CaseReport {
    let registry = ConnectorRegistry(
      sources: [MLLPSource.self, FileSource.self], destinations: [MLLPDestination.self, FileDestination.self])
    let folders = try CaseFolder.find(["\(workshop.path)\(path)"])
    return CaseTrial(accepts: accepts) { ChannelLoader(registry: registry).load([$0]) }.run(folders)
  }

  @Test func `a case without anything expected fails and says what to do`() throws {
    try input("first")
    let report = try run()
    #expect(report.failedCount == 1)
    #expect(report.results.first?.failures.first?.contains("hilum test --accept") == true)
  }

  @Test func `what is accepted passes from then on, and is accepted once`() throws {
    try input("first")
    try input("nobody", patient: "")
    try input("other", event: "A60")
    let accepted = try run(accepts: true)
    #expect(accepted.failedCount == 0)
    #expect(accepted.results.first?.written == ["out.ehr.1.hl7", "out.lab.1.hl7", "outcome.txt"])
    #expect(workshop.names("Transforms/upper.tests/nobody") == ["in.hl7", "outcome.txt"])
    #expect(workshop.read("Transforms/upper.tests/first/outcome.txt") == "routed\nnote: a woman of in.hl7\n")
    #expect(workshop.read("Transforms/upper.tests/nobody/outcome.txt") == "rejected AE 101 at PID-3: no patient\n")
    #expect(workshop.read("Transforms/upper.tests/other/outcome.txt") == "dropped: not used\n")
    #expect(
      workshop.read("Transforms/upper.tests/first/out.ehr.1.hl7")
        == "MSH|^~\\&|HUB|X|Y|Z|20260101000000+0000||ADT^A01|1|P|2.5.1\nPID|1||42||MILLER^Anna||19800101|F\n")
    let again = try run()
    #expect((again.passedCount, again.failedCount) == (3, 0))
    #expect(try run(accepts: true).results.allSatisfy { $0.written.isEmpty && $0.removed.isEmpty })
  }

  @Test func `a difference, an output too many and one that is missing are failures`() throws {
    try input("first")
    _ = try run(accepts: true)
    let folder = "Transforms/upper.tests/first"
    let text = try #require(workshop.read("\(folder)/out.ehr.1.hl7"))
    try workshop.write("\(folder)/out.ehr.1.hl7", text.replacing("Anna", with: "Anne"))
    try workshop.write("\(folder)/out.ehr.2.hl7", text)
    try FileManager.default.removeItem(atPath: "\(workshop.path)/\(folder)/out.lab.1.hl7")
    try workshop.write("\(folder)/outcome.txt", "routed\nnote: a cat\n")
    #expect(
      try run().results.first?.failures == [
        "outcome.txt:2: expected \"note: a cat\", and it did not come",
        "outcome.txt: not expected: \"note: a woman of in.hl7\"",
        "out.ehr.2.hl7: expected, and nothing of that name came",
        "out.ehr.1.hl7:2: PID-5[1].2: expected \"Anne\", got \"Anna\"", "out.lab.1.hl7: not expected, and it came",
      ])
    let accepted = try #require(try run(accepts: true).results.first)
    #expect(accepted.written == ["out.ehr.1.hl7", "out.lab.1.hl7", "outcome.txt"])
    #expect(accepted.removed == ["out.ehr.2.hl7"])
    #expect(try run().failedCount == 0)
  }

  @Test func `parameters, what the engine knows and places to ignore are given beside the input`() throws {
    try input("first")
    let folder = "Transforms/upper.tests/first"
    try workshop.write(
      "\(folder)/params.yaml",
      "parameters: {hub: EAST}\nmessage:\n  received: 2026-02-03T04:05:06Z\n  source: {file: {name: a.hl7}}\n"
        + "ignore: [MSH-10]\n")
    _ = try run(accepts: true)
    let text = try #require(workshop.read("\(folder)/out.ehr.1.hl7"))
    #expect(text.hasPrefix("MSH|^~\\&|EAST|X|Y|Z|20260203040506+0000|"))
    #expect(workshop.read("\(folder)/outcome.txt")?.contains("of a.hl7") == true)
    try workshop.write("\(folder)/out.ehr.1.hl7", text.replacing("|1|P|", with: "|2|P|").replacing("|F", with: "|M"))
    #expect(try run().results.first?.failures == ["out.ehr.1.hl7:2: PID-8: expected \"M\", got \"F\""])
    try workshop.write("\(folder)/ignore.txt", "# the sex\nPID-8  # changes\n")
    #expect(try run().failedCount == 0)
  }

  @Test(arguments: [
    ("parametres: {a: b}", "there is no `parametres` here"), ("ignore: [here]", "a place to ignore is written"),
    ("message: {received: soon}", "`received` is a time"), ("parameters: {hub: [1]}", "single value"),
    ("ignore: MSH-7", "is a list"), ("a: [", "error C"),
  ])
  func `a slip in params.yaml is a failure that says where`(_ text: String, _ words: String) throws {
    try input("first")
    try workshop.write("Transforms/upper.tests/first/params.yaml", text + "\n")
    let failure = try #require(try run(accepts: true).results.first?.failures.first)
    #expect(failure.contains(words) && failure.contains("params.yaml:"), "\(failure)")
  }

  @Test func `a transform that does not compile, an input that is missing and cases of nothing are failures`() throws {
    try input("first")
    try workshop.write("Transforms/lone.tests/a/in.hl7", "MSH|")
    try workshop.write("Transforms/upper.tests/empty/params.yaml", "parameters: {}\n")
    let report = try run()
    #expect(report.results.map(\.folder.name) == ["a", "empty", "first"])
    #expect(report.results[0].failures.first?.contains("lone.hilt") == true)
    #expect(report.results[1].failures == ["there is no input: in.hl7"])
    try workshop.write("Transforms/lone.hilt", "library lone\nfn a(x) = x\n")
    #expect(try run().results[0].failures.first?.contains("is a library") == true)
    try workshop.write("Transforms/upper.hilt", "transform upper\n  in hl7\n  out hl7\nemit nothing\n")
    #expect(try run().results.last?.failures.first?.contains("E111") == true)
  }

  @Test func `statements that no case reached are named by their lines`() throws {
    try input("first")
    let one = try run(accepts: true)
    #expect(
      one.coverage.map(\.description).first?.hasSuffix("upper.hilt: 9 of 10 statements reached; not: line 15") == true)
    try input("man", sex: "M")
    #expect(try run(accepts: true).coverage.first?.missedLines == [])
  }

  @Test func `a channel's case sees what each destination gets`() throws {
    try workshop.write(
      "Channels/adt.yaml",
      """
      channel: adt
      source:
        mllp: {port: 0}
      transform: ../Transforms/upper.hilt
      destinations:
        ehr: {mllp: {host: 127.0.0.1, port: 6661}}
        lab:
          when: PID-8 == "F"
          file: {directory: ../out, name: "{MSH-10}.hl7"}

      """)
    let message = "MSH|^~\\&|PAS|X|Y|Z|2026||ADT^A01|1|P|2.5.1\nPID|1||42||Miller^Anna||19800101|F\n"
    try workshop.write("Channels/adt.tests/a/in.hl7", message)
    try workshop.write("Channels/adt.tests/b/in.hl7", message.replacing("|F\n", with: "|M\n"))
    _ = try run("/Channels", accepts: true)
    #expect(
      workshop.names("Channels/adt.tests/a") == ["in.hl7", "out.ehr.1.hl7", "out.lab.1.hl7", "outcome.txt"])
    #expect(workshop.names("Channels/adt.tests/b") == ["in.hl7", "out.ehr.1.hl7", "outcome.txt"])
    #expect(
      workshop.read("Channels/adt.tests/a/outcome.txt")
        == "routed\nnote: a woman of in.hl7\nname of out.lab.1.hl7: 1.hl7\n")
    #expect(try run("/Channels/adt.yaml").passedCount == 2)
    #expect(try run("/Channels/adt.tests/b").passedCount == 1)
  }

  @Test func `a case of a reply transform knows what was sent and what came in, and the answer is an output`() throws {
    try workshop.write(
      "Transforms/answers.hilt",
      """
      transform answers
        in  hl7
        out hl7 2.5.1

      if MSA-1 == "AA" { done }
      when MSA-1 == "AE" => retry "{sent.MSH-10}: {MSA-3}"
      let out = copy msg
      out.MSA-2 = original.MSH-10
      answer out

      """)
    let header = "MSH|^~\\&|LAB|X|HUB|Z|2026||ACK|9|P|2.5.1\n"
    for (name, code) in [("error", "AE"), ("refused", "AR")] {
      try workshop.write("Transforms/answers.tests/\(name)/in.hl7", header + "MSA|\(code)|H1|no ward\n")
      for (file, id) in [("sent", "H1"), ("original", "7")] {
        try workshop.write(
          "Transforms/answers.tests/\(name)/\(file).hl7", "MSH|^~\\&|A|B|C|D|2026||ADT^A01|\(id)|P|2.5.1\n")
      }
    }
    _ = try run("/Transforms/answers.hilt", accepts: true)
    #expect(workshop.read("Transforms/answers.tests/error/outcome.txt") == "retry: H1: no ward\n")
    #expect(workshop.read("Transforms/answers.tests/refused/outcome.txt") == "answered\n")
    let answer = workshop.read("Transforms/answers.tests/refused/out.answer.1.hl7")
    #expect(answer?.contains("MSA|AR|7|no ward") == true, "\(answer ?? "none")")
    #expect(try run("/Transforms/answers.hilt").passedCount == 2)

    try workshop.write("Transforms/answers.tests/error/sent.hl7", "no message")
    let failures = try run("/Transforms/answers.hilt").results.flatMap(\.failures)
    #expect(failures.first?.hasPrefix("sent.hl7 can't be read: ") == true, "\(failures)")
  }

  @Test func `files of lines, and a partner's answers, are inputs too`() throws {
    try workshop.write(
      "Transforms/rows.hilt",
      """
      transform rows
        in  delimited separator ";" header yes columns mrn, family
        out hl7 2.5.1 ADT_A08

      for row in msg.rows {
        let m = new ADT_A08
        m.PID-5 = [XPN { 1.1: row.family }]
        emit m to "ehr"
      } none => drop "no row"

      """)
    try workshop.write("Transforms/rows.tests/two/in.csv", "mrn;family\n1;Miller\n2;Murphy\n")
    try workshop.write(
      "Transforms/reply.hilt",
      "transform reply\n  in  hl7\n  out hl7\nif MSA-1 == \"AA\" { done }\nretry \"{sent.MSH-10} {original.MSH-10}\"\n")
    let message: (String) -> String = { "MSH|^~\\&|A|B|C|D|2026||ACK|\($0)|P|2.5.1\nMSA|AE|1\n" }
    for (name, id) in [("in", "1"), ("sent", "2"), ("original", "3")] {
      try workshop.write("Transforms/reply.tests/busy/\(name).hl7", message(id))
    }
    let report = try run(accepts: true)
    #expect(report.failedCount == 0, "\(report.results.flatMap(\.failures))")
    #expect(workshop.names("Transforms/rows.tests/two") == ["in.csv", "out.ehr.1.hl7", "out.ehr.2.hl7", "outcome.txt"])
    #expect(workshop.read("Transforms/rows.tests/two/out.ehr.2.hl7")?.contains("|Murphy") == true)
    #expect(workshop.read("Transforms/reply.tests/busy/outcome.txt") == "retry: 2 3\n")
    #expect(try run().failedCount == 0)
  }

  @Test func `JUnit XML holds every result, with nothing in it that could break it`() throws {
    try input("first")
    try input("<&\">")
    try workshop.write("Transforms/upper.tests/first/outcome.txt", "routed <& \u{1} ]]>\n")
    let report = try run()
    let xml = report.junit()
    let parser = XMLCheck(xml)
    #expect(parser.isWellFormed, "\(xml)")
    #expect(parser.elements == ["testsuites", "testsuite", "testcase", "failure", "testcase", "failure"])
    #expect(parser.names.contains("<&\">"))
    #expect(xml.contains("tests=\"2\" failures=\"2\""))
  }
}
