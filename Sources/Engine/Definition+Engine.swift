package import ConnectorKit
import Definitions
package import HL7
import Store
import Text

// How a checked definition becomes what the engine and the store work with.

extension ChannelDefinition {
  var registration: ChannelRegistration {
    ChannelRegistration(
      name: name, lanes: destinations.map(\.name),
      orderings: Dictionary(destinations.compactMap { one in one.orderText.map { (one.name, $0) } }) { first, _ in
        first
      },
      columns: columns.map(\.name),
      revision: (revision.sha256, revision.files.map { ($0.path, $0.bytes) }))
  }

  var retention: Retention {
    Retention(
      raw: keep.raw.milliseconds, sent: keep.sent.milliseconds, replies: keep.replies.milliseconds,
      blobs: keep.blobs.milliseconds, record: keep.record.milliseconds, identities: keep.identities?.milliseconds)
  }
}

extension DestinationDefinition {
  /// What waited there as a delivery does not become a question, nor the other way round.
  fileprivate var orderText: String? {
    if let collect { return collect.by.map { "gathered by \($0.written)" } }
    return question.map { $0.isAsked ? "question" : "lookup" } ?? order.text
  }
}

extension DestinationDefinition.Order {
  /// What a store compares, to know whether the keys of what waits are those of what comes; `nil` where it is strict.
  fileprivate var text: String? {
    switch self {
    case .strict: nil
    case .keys(_, _, let written): written.joined(separator: "\n")
    case .none: "none"
    }
  }
}

extension LanePolicy {
  init(_ destination: DestinationDefinition) {
    self.init()
    window = destination.window
    question = destination.question.map { Question(isAsked: $0.isAsked) }
    switch destination.order {
    case .strict: order = nil
    case .keys: order = .keys
    case .none: order = KeyOrder.Rule.none
    }
    inFlight = destination.order.inFlight
    unconfirmedMax = destination.unconfirmedMax
    refused = destination.refused
    holdsRefused = destination.holdsRefused
    retry.firstMilliseconds = destination.retry.first.milliseconds
    retry.factor = destination.retry.factor
    retry.longestMilliseconds = destination.retry.longest.milliseconds
    retry.jitter = destination.retry.isJittered
    retry.forMilliseconds = destination.retry.limit?.milliseconds
    if destination.handsOnTo != nil {
      // Within the engine a try costs nothing, and answers come in order.
      retry.longestMilliseconds = min(retry.longestMilliseconds, HandOver.waitMaxMilliseconds)
      window = max(window, HandOver.window)
    }
    // The machine sends nothing of it: what is gathered is read when its group is closed.
    if destination.collect != nil { heldCountMax = 1 }
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
