import ConnectorKit
import Store

extension EngineLook {
  /// Everything countable of an engine, for Prometheus. Labels are names of channels, lanes and states: nothing of a
  /// message is in them.
  ///
  /// - Parameter version: of the program.
  package func metrics(version: String, process: ProcessFacts?) -> String {
    var out = Exposition()
    engine(version, &out)
    disk(&out)
    messages(&out)
    channels(&out)
    schedules(&out)
    deliveries(&out)
    lanes(&out)
    alerts(&out)
    if let process { add(process, &out) }
    return out.text
  }

  private func engine(_ version: String, _ out: inout Exposition) {
    out.add(
      "hilum_info", .gauge, "The program and the installation; always 1.",
      [.init(1, ("version", version), ("site", status.site))])
    out.add(
      "hilum_start_time_seconds", .gauge, "When the engine started, in seconds since 1970.",
      [.init(Double(status.startedAt) / 1000)])
    out.add(
      "hilum_store_open", .gauge, "1 while messages are taken, 0 while every sender is told to try later.",
      [.init(condition == .open ? 1 : 0)])
    out.add(
      "hilum_channels_broken", .gauge, "Channel files that have an error, so that their channel is not at work.",
      [.init(status.broken.count)])
  }

  private func disk(_ out: inout Exposition) {
    guard let facts else { return }
    out.add(
      "hilum_disk_free_bytes", .gauge, "Free on the disk of the data folder.", [.init(Double(facts.diskFreeBytes))])
    out.add("hilum_disk_bytes", .gauge, "The size of that disk.", [.init(Double(facts.diskBytes))])
    out.add(
      "hilum_disk_free_bytes_min", .gauge, "Below so much free space nothing is taken.",
      [.init(Double(facts.diskFreeBytesMin))])
    out.add(
      "hilum_store_bytes", .gauge, "The store's file and its write-ahead log.",
      [.init(Double(facts.fileBytes), ("file", "store")), .init(Double(facts.logBytes), ("file", "log"))])
    out.add(
      "hilum_store_commit_duration_seconds", "How long commits took: each is a sync of the disk.",
      bounds: CommitDurations.boundsMicroseconds.map { Double($0) / 1_000_000 }, counts: facts.commits.counts,
      sum: Double(facts.commits.sumMicroseconds) / 1_000_000)
  }

  private func messages(_ out: inout Exposition) {
    let ledgers = ledgers ?? []
    out.add(
      "hilum_messages_received_total", .counter,
      "Messages that came in: accepted, duplicate, rejected and unavailable together.",
      ledgers.map { .init($0.received, ("channel", $0.channel)) })
    out.add(
      "hilum_messages_answered_total", .counter,
      "Messages by what their sender was told; unavailable are those that were not stored.",
      ledgers.flatMap { ledger -> [Exposition.Sample] in
        [
          ("accepted", ledger.accepted), ("duplicate", ledger.duplicate), ("rejected", ledger.rejected),
          ("unavailable", ledger.unavailable),
        ].map { .init($0.1, ("channel", ledger.channel), ("answer", $0.0)) }
      })
    out.add(
      "hilum_messages", .gauge,
      "Accepted messages by what became of them; reprocessing moves a message from one to another.",
      ledgers.flatMap { ledger -> [Exposition.Sample] in
        [
          ("routed", ledger.routed), ("dropped", ledger.dropped), ("held", ledger.held), ("failed", ledger.failed),
          ("discarded", ledger.discarded),
        ].map { .init($0.1, ("channel", ledger.channel), ("outcome", $0.0)) }
      })
  }

  private func channels(_ out: inout Exposition) {
    out.add(
      "hilum_channel_state", .gauge, "1 for the state that an operator wants of the channel, 0 for the others.",
      status.channels.flatMap { channel in
        ChannelRuntime.Work.allCases.map {
          .init(channel.state == $0.rawValue ? 1 : 0, ("channel", channel.name), ("state", $0.rawValue))
        }
      })
    out.add(
      "hilum_channel_source_up", .gauge, "1 while the source listens, or looks into its folder.",
      status.channels.map { .init($0.source.listening == nil ? 0 : 1, ("channel", $0.name)) })
    out.add(
      "hilum_channel_peers", .gauge, "Senders that are connected, by address.",
      status.channels.map { channel in
        .init(channel.source.peers.count { $0.connectedAt != nil }, ("channel", channel.name))
      })
  }

  private func schedules(_ out: inout Exposition) {
    let scheduled = status.channels.compactMap { channel in channel.schedule.map { (channel.name, $0) } }
    func family(_ name: String, _ kind: Exposition.Kind, _ help: String, _ value: (ScheduleStatus) -> Double?) {
      out.add(
        name, kind, help,
        scheduled.compactMap { channel, schedule in
          value(schedule).map { .init($0, ("channel", channel)) }
        })
    }
    family(
      "hilum_source_last_run_seconds", .gauge, "When a source with a schedule last looked, in seconds since 1970."
    ) { $0.last.map { Double($0.beganAt) / 1000 } }
    family(
      "hilum_source_last_run_messages", .gauge, "New messages of that run."
    ) { $0.last.map { Double($0.messages) } }
    family(
      "hilum_source_last_run_duration_seconds", .gauge, "How long that run took."
    ) { $0.last.map { Double($0.milliseconds) / 1000 } }
    family(
      "hilum_source_next_run_seconds", .gauge, "When it looks next, or opens, in seconds since 1970."
    ) { $0.nextAt.map { Double($0) / 1000 } }
    family(
      "hilum_source_runs_missed_total", .counter, "Planned moments that passed while nobody could look."
    ) { Double($0.missed) }
    family(
      "hilum_source_runs_skipped_total", .counter, "Planned moments that passed while a run was still under way."
    ) { Double($0.skipped) }
  }

  private func deliveries(_ out: inout Exposition) {
    let lanes = (ledgers ?? []).flatMap { ledger in ledger.lanes.map { (channel: ledger.channel, lane: $0) } }
    func family(
      _ name: String, _ kind: Exposition.Kind, _ help: String, _ count: (ChannelLedger.Lane) -> Int
    ) {
      out.add(
        name, kind, help, lanes.map { .init(count($0.lane), ("channel", $0.channel), ("lane", $0.lane.name)) })
    }
    family("hilum_deliveries_created_total", .counter, "Deliveries that were made for a lane.", \.created)
    out.add(
      "hilum_deliveries_ended_total", .counter, "Deliveries by how they ended.",
      lanes.flatMap { channel, lane -> [Exposition.Sample] in
        [("delivered", lane.delivered), ("discarded", lane.discarded), ("cancelled", lane.cancelled)].map {
          .init($0.1, ("channel", channel), ("lane", lane.name), ("end", $0.0))
        }
      })
    family(
      "hilum_deliveries_dead", .gauge, "Deliveries that were given up and wait for a person.", \.dead)
    family(
      "hilum_deliveries_held", .gauge, "Deliveries that keep their places in the lane until a person decides.", \.held)
    family(
      "hilum_places_kept", .gauge, "Places in the lane that failed messages keep until a person decides.", \.places)
    family("hilum_deliveries_waiting", .gauge, "The lane's backlog.", \.waiting)
    family("hilum_deliveries_waiting_bytes", .gauge, "The bytes of the lane's backlog.", \.waitingBytes)
    family(
      "hilum_deliveries_passed_by_total", .counter, "Messages that did not go to the lane, by its `when` or the route.",
      \.passedBy)
  }

  private func lanes(_ out: inout Exposition) {
    let lanes = status.channels.flatMap { channel in channel.lanes.map { (channel: channel.name, lane: $0) } }
    func family(_ name: String, _ help: String, _ value: (LaneStatus) -> Double?) {
      out.add(
        name, .gauge, help,
        lanes.compactMap { channel, lane in
          value(lane).map { .init($0, ("channel", channel), ("lane", lane.name)) }
        })
    }
    family("hilum_lane_oldest_seconds", "For how long the oldest has waited in the lane; 0 where nothing waits.") {
      Double($0.oldestFor ?? 0) / 1000
    }
    family("hilum_lane_unreachable_seconds", "For how long the partner has not been reached; 0 where it was.") {
      Double($0.downFor ?? 0) / 1000
    }
    family("hilum_lane_paused", "1 while an operator holds the lane.") { $0.paused ? 1 : 0 }
    family("hilum_lane_awaits_release", "1 while the lane sends nothing before hilum release.") {
      $0.awaitsRelease ? 1 : 0
    }
    family("hilum_lane_resting", "Deliveries that were refused or lost and are tried again later.") {
      Double($0.resting)
    }
    family("hilum_lane_senders_waiting", "Senders that wait for the partner's verdict.") {
      $0.sendersWaiting.map { Double($0) }
    }
    questions(lanes.compactMap { channel, lane in lane.questions.map { (channel, lane.name, $0) } }, &out)
  }

  private func questions(
    _ lanes: [(channel: String, lane: String, asked: LaneStatus.Questions)], _ out: inout Exposition
  ) {
    out.add(
      "hilum_questions_total", .counter, "Questions that were asked since the lane began, by whether an answer came.",
      lanes.flatMap { channel, lane, asked -> [Exposition.Sample] in
        [("answered", asked.answered), ("unanswered", asked.unanswered)].map {
          .init($0.1, ("channel", channel), ("lane", lane), ("outcome", $0.0))
        }
      })
    out.add(
      "hilum_question_seconds", .gauge, "How long the partner takes to answer, smoothed over the last few.",
      lanes.compactMap { channel, lane, asked in
        asked.milliseconds.map { .init(Double($0) / 1000, ("channel", channel), ("lane", lane)) }
      })
  }

  private func alerts(_ out: inout Exposition) {
    out.add(
      "hilum_alerts", .gauge, "Alerts that are raised, by what is wrong and where.",
      status.alerts.map {
        .init(
          1, ("kind", $0.key.kind.rawValue), ("channel", $0.key.channel ?? ""), ("lane", $0.key.lane ?? ""),
          ("file", $0.key.file ?? ""))
      })
  }

  private func add(_ process: ProcessFacts, _ out: inout Exposition) {
    out.add(
      "process_cpu_seconds_total", .counter, "Time on processors since the start.", [.init(process.cpuSeconds)])
    out.add("process_resident_memory_bytes", .gauge, "Memory in use.", [.init(process.residentBytes)])
    out.add("process_open_fds", .gauge, "Open files and sockets.", [.init(process.descriptorCount)])
    out.add("process_max_fds", .gauge, "So many may be open.", [.init(process.descriptorsMax)])
  }
}
