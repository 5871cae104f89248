import ConnectorKit
import Messages
import Synchronization

/// What a run of a schedule hands over goes through it: it counts, and flags what a missed run should have brought.
final class ScheduledInbox: Inbox {
  private let inbox: ChannelInbox
  /// When the run was due that was missed.
  private let due: String?
  private let taken = Atomic<Int>(0)

  init(_ inbox: ChannelInbox, due: String?) {
    self.inbox = inbox
    self.due = due
  }

  /// New messages that were kept.
  var count: Int { taken.load(ordering: .relaxed) }

  func origin(_ name: String) -> any Origin { ScheduledOrigin(inbox.origin(name), self) }

  func stage() throws(StagingError) -> any ContentWriter { try inbox.stage() }

  func progress(_ key: String) async throws -> Value? { try await inbox.progress(key) }

  private final class ScheduledOrigin: Origin {
    private let origin: any Origin
    private let run: ScheduledInbox

    init(_ origin: any Origin, _ run: ScheduledInbox) {
      self.origin = origin
      self.run = run
    }

    func offer(_ arrival: Arrival, then: @escaping @Sendable (Receipt) -> Void) {
      var arrival = arrival
      if let due = run.due {
        // Seen by transforms as `message.source.schedule`.
        arrival.attributes["schedule"] = .record(["due": .text(due), "missed": .boolean(true)])
      }
      origin.offer(arrival) { [run] receipt in
        switch receipt {
        case .accepted, .failed, .rejected: run.taken.wrappingAdd(1, ordering: .relaxed)
        case .duplicate, .unavailable: break
        }
        then(receipt)
      }
    }
  }
}
