import Logging
import Messages
import Store

extension Engine {
  /// Of channels that have no schedule, or no file any more, it is forgotten what was done last: what would have been
  /// planned until they have one again was not planned, and so is not missed.
  func forgetSchedules() async {
    let scheduled = channels.filter { $0.schedule != nil }.map(\.name.text)
    // Of one whose file has an error it is not known, and what it planned is missed.
    let kept = Set(scheduled + broken.map(\.name))
    do {
      for ledger in try await store.ledger() where !kept.contains(ledger.channel) {
        guard let key = try await store.channelKey(ChannelName(ledger.channel)),
          ScheduleMemory(try await store.progress(channel: key, key: ScheduleMemory.key)) != nil
        else { continue }
        try await shared.change(.progress(channel: key, key: ScheduleMemory.key, .record([:])))
      }
    } catch {
      log.warning(
        "It can't be kept that a channel has no schedule: when it has one again, a run may be flagged as missed.",
        metadata: ["reason": "\(error)"])
    }
  }
}
