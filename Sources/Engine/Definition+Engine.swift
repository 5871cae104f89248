package import ConnectorKit
import Definitions
package import HL7
import Store
import Text

// How a checked definition becomes what the engine and the store work with.

extension ChannelDefinition {
  var registration: ChannelRegistration {
    ChannelRegistration(
      name: name, lanes: destinations.map(\.name), columns: columns.map(\.name),
      revision: (revision.sha256, revision.files.map { ($0.path, $0.bytes) }))
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

extension HL7ReadingOptions {
  /// As the `hl7:` block of a channel says; its character set was checked when the file was read.
  package init(_ settings: HL7Settings) {
    self.init(
      segmentEnd: settings.segmentEnd == .any ? .any : .cr,
      charset: settings.charset.flatMap { Charset(named: $0) } ?? .utf8,
      charsetDeclared: settings.charsetDeclared == .trust ? .trust : .ignore)
  }
}
