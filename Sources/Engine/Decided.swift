package import ConnectorKit
package import Messages
package import Store

/// What a channel's pipeline made of one message, before it is durable. Lanes and columns are numbered as in the
/// channel's definition.
package struct Decided: Sendable {
  package struct Delivery: Sendable {
    package var lane: Int
    /// An index into `outputs`; `nil` where what is sent is what came in.
    package var output: Int?
    package var rendered: [String: [TemplateValue]] = [:]
    /// Dead from the start, with the reason.
    package var dead: String?
    /// The values of the keys by which its lane orders, without doubles.
    package var orderKeys: [String] = []
  }

  package var state: MessageState
  package var reason: String?
  /// Set where `state` is `rejected`.
  package var rejection: Rejection?
  package var duplicateKey: Acceptance.DuplicateKey?
  package var columns: [(column: Int, text: String)] = []
  package var outputs: [Payload] = []
  package var deliveries: [Delivery] = []
  package var passedBy: [Int] = []
  package var steps: [Step] = []
  /// What was put in the place of identifiers, where the channel keeps that.
  package var standIns: [StandIn] = []
  /// What the channel's `prepare:` made of the message, and the sender is answered by.
  var prepared: Payload?
  /// MSH-13, where it is a number.
  var sequence: SequenceNumber?

  package init(_ state: MessageState, reason: String? = nil) {
    self.state = state
    self.reason = reason
  }

  /// Not accepted, and why.
  package init(_ rejection: Rejection) {
    self.init(.rejected, reason: rejection.text)
    self.rejection = rejection
    let place = rejection.place.map { " at \($0)" } ?? ""
    steps = [Step(.rejected, "\(rejection.code)\(place): \(rejection.text)")]
  }

  /// Safe, and ours to mend.
  package static func failed(_ reason: String) -> Decided {
    var decided = Decided(.failed, reason: reason)
    decided.steps = [Step(.failed, reason)]
    return decided
  }
}
