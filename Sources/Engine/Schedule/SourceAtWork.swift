import ConnectorKit

/// A channel's source, and when it works.
struct SourceAtWork: Sendable {
  let connector: any SourceConnector
  /// `nil`: all the time.
  var schedule: ScheduleRunner?

  func run(_ inbox: ChannelInbox) async throws {
    guard let schedule, let source = connector as? any PollingSource else { return try await connector.run(inbox) }
    try await schedule.run(source, inbox)
  }

  /// Before one that failed is tried again.
  func pause(_ seconds: Int) async {
    if let schedule { return await schedule.pause(seconds) }
    try? await Task.sleep(for: .seconds(seconds), clock: SuspendingClock())
  }

  /// One that waits for its time is as well as one that looks.
  func status() -> SourceStatus {
    var status = connector.status()
    guard let schedule, let source = connector as? any PollingSource else { return status }
    if !schedule.leavesItToSource { status.listening = schedule.isAtWork ? source.place : nil }
    return status
  }
}
