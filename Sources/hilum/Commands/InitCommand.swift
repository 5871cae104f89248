import ArgumentParser
import Foundation

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Makes a small project that works: a channel, a transform with a test, a sample message.",
    discussion: "Never overwrites a file.\n\nExample:\n  hilum init hospital")
  @Argument(help: "The folder; made when it isn't there.") var folder = "."

  func run() throws {
    let files = FileManager.default
    let taken = Self.files.map(\.path).filter { files.fileExists(atPath: "\(folder)/\($0)") }
    guard taken.isEmpty else {
      throw Failure("\(folder) has \(taken.joined(separator: ", ")) already; nothing was written.")
    }
    for file in Self.files {
      let url = URL(fileURLWithPath: "\(folder)/\(file.path)")
      do {
        try files.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(file.content.utf8).write(to: url, options: .withoutOverwriting)
      } catch {
        throw Failure("\(url.path) can't be written: \(error.localizedDescription)")
      }
      Terminal.line("\(folder)/\(file.path)")
    }
    let enter = folder == "." ? "" : "cd \(folder); "
    Terminal.line(
      """

      Next:
        \(enter)hilum check
        hilum test
        hilum try Transforms/first.hilt samples/a01.hl7
        hilum receive mllp://127.0.0.1:6661 &      # a test partner
        hilum run &                                # the engine
        until hilum status >/dev/null 2>&1; do sleep 0.2; done
        hilum send mllp://127.0.0.1:2575 samples/a01.hl7
        hilum messages; hilum audit
      """)
  }

  private static let files: [(path: String, content: String)] = [
    (
      "hilum.yaml",
      """
      # The engine's own settings; all are optional.
      site: my-hospital
      zone: Europe/London
      # Said in the log and in `hilum status`; `notify:` posts it to a web hook as well.
      alerts: {lane-down: 5m, dead: 1, failed: 1, held: 1}
      """ + "\n"
    ),
    (
      "Channels/first.yaml",
      """
      channel: first
      about: Admissions to a test partner, and a copy on disk.
      source:
        mllp:
          port: 2575
      transform: ../Transforms/first.hilt
      destinations:
        partner:
          mllp: {host: 127.0.0.1, port: 6661}
        archive:
          when: MSH-9.2 == "A01"
          file: {directory: ../out, name: "{MSH-10}.hl7"}
      columns: {mrn: "PID-3[1].1", event: MSH-9.2}
      """ + "\n"
    ),
    (
      "Transforms/first.hilt",
      """
      transform first
        in   hl7 2.3..2.6 ADT_*
        out  hl7
        zone "Europe/London"

      require PID-3[1].1 is valued else reject AE 101 "no patient identifier" at PID-3

      let out = copy msg
      out.MSH-3 = "HUB"
      out.PID-5[1].1.1 = upper(PID-5[1].1.1)
      emit out
      """ + "\n"
    ),
    ("samples/a01.hl7", admission(from: "PAS", family: "Miller")),
    ("Transforms/first.tests/admission/in.hl7", admission(from: "PAS", family: "Miller")),
    ("Transforms/first.tests/admission/out.1.hl7", admission(from: "HUB", family: "MILLER")),
    ("Transforms/first.tests/admission/outcome.txt", "routed\n"),
    (
      "Transforms/first.tests/no-patient/in.hl7",
      admission(from: "PAS", family: "Miller").replacing("123456^^^HOSP^MR", with: "")
    ),
    ("Transforms/first.tests/no-patient/outcome.txt", "rejected AE 101 at PID-3: no patient identifier\n"),
    ("out/.gitkeep", ""),
    (".gitignore", "data/\nout/*\n!out/.gitkeep\n"),
  ]

  private static func admission(from application: String, family: String) -> String {
    [
      "MSH|^~\\&|\(application)|HOSP|HUB|HOSP|20260101120000||ADT^A01|MSG00001|P|2.5.1",
      "EVN|A01|20260101120000", "PID|1||123456^^^HOSP^MR||\(family)^Anna||19800229|F", "PV1|1|I|WARD1^^^HOSP",
    ].joined(separator: "\n") + "\n"
  }
}
