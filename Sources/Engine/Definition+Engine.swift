import ConnectorKit
import Definitions
import HL7
import Store
import Text

// How a checked definition becomes what the engine and the store work with.

extension ChannelDefinition {
  var registration: ChannelRegistration {
    ChannelRegistration(
      name: name, lanes: destinations.map(\.name), columns: columns.map(\.name),
      revision: (revision.hash, revision.files.map { ($0.path, $0.content) }))
  }

  var retention: Retention {
    Retention(
      raw: keep.raw.milliseconds, sent: keep.sent.milliseconds, replies: keep.replies.milliseconds,
      blobs: keep.blobs.milliseconds, record: keep.record.milliseconds)
  }
}

extension LanePolicy {
  init(_ destination: DestinationDefinition) {
    self.init()
    window = destination.window
    unconfirmedMax = destination.unconfirmedMax
    refused = destination.refused
    retry.firstMilliseconds = destination.retry.first.milliseconds
    retry.factor = destination.retry.factor
    retry.longestMilliseconds = destination.retry.longest.milliseconds
    retry.jitter = destination.retry.isJittered
    retry.forMilliseconds = destination.retry.limit?.milliseconds
  }
}
