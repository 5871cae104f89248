import ConnectorKit
import Definitions
import Messages
import Synchronization

extension Engine {
  /// Every five seconds.
  func keepWatch() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(5), clock: SuspendingClock())
      if Task.isCancelled { return }
      await watchOnce()
      rounds.store(shared.clock.now().steady, ordering: .relaxed)
    }
  }

  /// Looks at everything once for the alerts; what they are asked of a channel is what its newest revision says.
  func watchOnce() async {
    guard let watch else { return }
    let channels = channels
    if watch.wantsCertificates(shared.clock.now()) {
      // Files may lie on a disk that hangs: nothing waits for them.
      Task {
        var found: [CertificateStatus] = []
        for channel in channels { found += await channel.certificates() }
        watch.found(found)
      }
    }
    var watched = Dictionary(
      channels.map { ($0.name.text, WatchedChannel($0.definition.alerts, contact: $0.definition.contact?.words)) }
    ) { first, _ in first }
    // That nothing is wrong is no silence: its alert would be the next message.
    for name in watch.channels { watched[name]?.rules.silence = nil }
    await watch.round(await look(), watched)
  }

  /// What is raised, was cleared and is planned.
  package var alerts: AlertOverview {
    watch?.overview ?? AlertOverview(active: [], cleared: [], downtimes: [], undelivered: 0, trouble: nil, lost: 0)
  }

  /// Somebody looks after an alert.
  package func acknowledge(_ id: Int, by: String, why: String?) async throws -> Alert {
    guard let watch else { throw OperationError("this engine has no alerts") }
    return try await watch.acknowledge(id, by: by, why: why)
  }

  /// For so many seconds a channel raises nothing; 0 ends that.
  ///
  /// - Returns: `nil` where one was ended.
  package func downtime(of name: String, seconds: Int, by: String, why: String) async throws -> Downtime? {
    guard let watch else { throw OperationError("this engine has no alerts") }
    if seconds == 0 {
      try await watch.endDowntime(of: name, by: by)
      return nil
    }
    guard channel(name) != nil else { throw OperationError("no channel \(name) is running") }
    guard (1...Self.downtimeSecondsMax).contains(seconds) else {
      throw OperationError("a downtime has 30 days at most: what is meant to stay silent needs no `alerts:`")
    }
    return await watch.plan(name, seconds: seconds, by: by, why: why)
  }

  private static let downtimeSecondsMax = 30 * 86_400
}

extension ChannelDefinition.Contact {
  /// `PAS team, 4711, 24/7, ../docs/runbooks/pas.md`
  var words: String? {
    let words = [partner, phone, hours, runbook, critical ? "critical" : nil].compactMap(\.self)
    return words.isEmpty ? nil : words.joined(separator: ", ")
  }
}
