public import Messages

/// When a sender is answered: when its message is on disk (`accepted`), or when a destination's partner has taken it
/// (`{delivered: ehr, within: 20s, then: cancel}`).
public enum Acknowledge: SettingValue {
  case accepted
  case delivered(AcknowledgeDelivered)

  public static func read(_ node: SettingNode, _ reader: SettingReader) -> Acknowledge? {
    if case .map = node.kind { return AcknowledgeDelivered.read(node, reader).map { .delivered($0) } }
    if node.scalar == "accepted" { return .accepted }
    reader.expected("`accepted`, or a block", node, help: ["accepted", "{delivered: ehr, within: 20s, then: cancel}"])
    return nil
  }

  public static var kind: SettingKind { .either([.choice(["accepted"]), AcknowledgeDelivered.kind]) }
  public var text: String { if case .accepted = self { "accepted" } else { "" } }
}

/// `acknowledge: {delivered: ehr, within: 20s, then: cancel}`
public struct AcknowledgeDelivered: Settings {
  /// What becomes of a message whose sender was not answered in time.
  public enum Then: String, SettingChoice { case cancel, keep }

  @Setting(
    """
    The destination whose partner decides: the sender is answered when it has taken the message or refused it, with \
    its answer, or with what the destination's `reply:` program says with `answer`. A message that does not go there \
    is answered when it is on disk.
    """, example: "ehr")
  public var delivered: DestinationReference
  @Setting("How long the sender waits, from the moment that its message came.", default: .seconds(20))
  public var within: Duration
  @Setting(
    """
    When the time is over: `cancel` takes the delivery back and tells the sender to try again (MLLP closes without an \
    answer); what is at the partner at that moment can't be taken back. With `keep` the message counts as accepted, \
    and is delivered later. A sender in enhanced mode that wants both acknowledgements has CA when its message is on \
    disk, and won't send it again: `cancel` takes nothing back then, and the other comes when the partner has spoken.
    """, default: .cancel)
  public var then: Then

  public init() {}

  public func check(_ reader: SettingReader, _ node: SettingNode) {
    if within < .milliseconds(100) || within > .seconds(600) {
      reader.problem("C131", "`within` goes from 100ms to 10m", at: (node["within"] ?? node).place)
    }
  }
}

/// The name of a destination of the same channel, and where it stands, for the problem where there is none.
public struct DestinationReference: SettingValue, Hashable {
  public var name: String
  public var place: Place?

  public init(_ name: String, at place: Place? = nil) {
    self.name = name
    self.place = place
  }

  public static func read(_ node: SettingNode, _ reader: SettingReader) -> DestinationReference? {
    String.read(node, reader).map { DestinationReference($0, at: node.place) }
  }
  public static var kind: SettingKind { .scalar("destination") }
  public var text: String { name }
}

/// The settings of a source that can hold its sender's answer back until the message has been delivered: the engine
/// reads `acknowledge` and gives the receipt then.
public protocol AnsweringSettings: Settings {
  var acknowledge: Acknowledge { get }
}
