import Engine
import Foundation
import Glibc
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `On a schedule` {
    private func channel(_ schedule: String, about: String = "") -> String {
      """
      channel: drop
      source:
        file: {directory: ../in, complete: {by: rename}}
        schedule: \(schedule)
      format: hl7v2
      destinations:
        out:
          file: {directory: ../out, name: "{MSH-10}.hl7"}
      \(about)
      """
    }

    private func start(_ schedule: String) async throws -> Project {
      let project = try Project()
      try project.write("Channels/drop.yaml", channel(schedule))
      try project.write("hilum.yaml", "zone: Europe/London\n")
      try await project.start()
      return project
    }

    /// As a sender does that renames.
    private func put(_ names: String..., in project: Project) throws {
      for name in names {
        try project.write("aside", Sample.adt(name))
        #expect(rename(project.path("aside"), project.path("in/\(name).hl7")) == 0)
      }
    }

    private func schedule(_ project: Project) async throws -> ScheduleStatus {
      try #require(try await project.channel("drop").schedule)
    }

    @Test func `files are taken at its times, and a time that passed while it was killed is made up for once`()
      async throws
    {
      let project = try await start("{every: 2s}")
      try put("A", "B", in: project)
      try await eventually("they are there") { project.names(in: "out") == ["A.hl7", "B.hl7"] }
      try await eventually("the run is over") { try await schedule(project).last?.messages ?? 0 >= 0 }
      let before = try await schedule(project)
      #expect(before.missed == 0 && before.words == "every 2s (Europe/London)")
      let shown = try await project.hilum("status")
      #expect(shown.output.contains("  schedule every 2s (Europe/London), next 20"), "\(shown.output)")

      let engine = try #require(project.running)
      await engine.kill()
      try put("C", in: project)
      try await Task.sleep(for: .seconds(4))
      try await project.start()
      try await eventually("it is there") { project.names(in: "out") == ["A.hl7", "B.hl7", "C.hl7"] }
      let after = try await schedule(project)
      #expect((1...8).contains(after.missed), "\(after)")
      #expect(project.log.contains("A run of the source was missed and is made up for."))
      let late = try #require(try await project.messages().first)
      let story = try await project.story(late.id)
      #expect(story.contains("Flagged: it came with a run that made up for the one that was due at"), "\(story)")
      try await Task.sleep(for: .milliseconds(2500))
      #expect(try await schedule(project).missed == after.missed, "once")
      try await project.drained()
      #expect(try await project.ledger("drop").received == 3)
      let metrics = try await project.hilum("metrics")
      #expect(metrics.output.contains("hilum_source_runs_missed_total{channel=\"drop\"} \(after.missed)"))
      #expect(metrics.output.contains("hilum_source_next_run_seconds{channel=\"drop\"}"))
    }

    @Test func `killed again and again in the middle of runs, nothing is lost and nothing comes twice`() async throws {
      let project = try await start("{every: 1s}")
      for round in 0..<5 {
        for number in 0..<20 { try put("R\(round)-\(number)", in: project) }
        try await Task.sleep(for: .milliseconds(700 + 150 * round))
        try await #require(project.running).kill()
        try await project.start()
      }
      try await eventually("all are there") { project.names(in: "out").count == 100 }
      try await project.drained()
      #expect(try await project.ledger("drop").accepted == 100)
      #expect(project.names(in: "out").count == 100)
    }

    @Test func `in a window that is closed nothing is taken but what a person fetches, and a resume misses nothing`()
      async throws
    {
      // Half a day away from now, whenever that is.
      let hour = (Calendar(identifier: .gregorian).component(.hour, from: Date()) + 12) % 24
      let window = hour < 10 ? "0\(hour):00-0\(hour):30" : "\(hour):00-\(hour):30"
      let project = try await start("{between: \(window), zone: UTC}")
      try put("A", in: project)
      try await Task.sleep(for: .milliseconds(1500))
      #expect(project.names(in: "out").isEmpty)
      let status = try await project.channel("drop")
      #expect(status.trouble == nil && status.schedule?.isOpen == false && status.schedule?.nextAt != nil)
      #expect(try await project.hilum("fetch", "drop", "--by", "kim").status == 0)
      try await eventually("it is there") { project.names(in: "out") == ["A.hl7"] }
      try await eventually("it is known who asked") { try await schedule(project).last?.by == "kim" }
      #expect(project.log.contains("A run of the source was asked for by hand.") && project.log.contains("kim"))

      #expect(try await project.hilum("pause", "drop").status == 0)
      let refused = try await project.hilum("fetch", "drop")
      #expect(refused.status == 1 && refused.errors.contains("channel drop is paused"), "\(refused)")
      #expect(try await project.hilum("start", "drop").status == 0)
      #expect(try await schedule(project).missed == 0)
    }

    @Test func `a deployment that changes only the schedule loses nothing, and does not run twice`() async throws {
      let project = try await start("{every: 1h}")
      try put("A", in: project)
      try project.write("Channels/drop.yaml", channel("{every: 1s}"))
      let deployed = try await project.hilum("deploy")
      #expect(deployed.status == 0 && deployed.output.contains("source: closed in order"), "\(deployed)")
      try await eventually("it is there") { project.names(in: "out") == ["A.hl7"] }
      #expect(try await schedule(project).missed == 0)
      try put("B", in: project)
      try project.write("Channels/drop.yaml", channel("{cron: \"0 6 1 1 *\"}"))
      #expect(try await project.hilum("deploy").status == 0)
      // It came before the change, or waits for the new year.
      try await Task.sleep(for: .milliseconds(1500))
      #expect(
        project.names(in: "in").filter { $0.hasSuffix(".hl7") } + project.names(in: "out").dropFirst() == ["B.hl7"])
      let next = try #require(try await schedule(project).nextAt)
      #expect(next > Int64(Date().timeIntervalSince1970 * 1000))
      try project.write("Channels/drop.yaml", channel("{every: 1s}"))
      #expect(try await project.hilum("deploy").status == 0)
      try await eventually("both are there") { project.names(in: "out") == ["A.hl7", "B.hl7"] }
      try await project.drained()
      #expect(try await project.ledger("drop").received == 2)
    }

    @Test(.enabled(if: FalseClock.library != nil, "no C compiler to build the clock with"))
    func `when the clock is set forward what was passed over runs once, set back it goes on`() async throws {
      let project = try Project()
      try project.write("Channels/drop.yaml", channel("{every: 1h}"))
      let clock = try FalseClock(project)
      try await project.start(environment: clock.environment)
      try put("A", in: project)
      try clock.set(4 * 3600)
      try await eventually("it is there") { project.names(in: "out") == ["A.hl7"] }
      try await eventually("it is flagged") { try await schedule(project).missed >= 3 }
      let missed = try await schedule(project).missed
      try put("B", in: project)
      try clock.set(0)
      try await Task.sleep(for: .milliseconds(1500))
      let next = try #require(try await schedule(project).nextAt)
      #expect(next <= Int64(Date().timeIntervalSince1970 * 1000) + 3_600_000, "it waits for no hour that is long past")
      #expect(try await schedule(project).missed == missed)
    }
  }
}
