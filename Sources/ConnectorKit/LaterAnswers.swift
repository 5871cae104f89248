public import Messages

/// Brings a destination the answers to what it sent that come on a way of their own: as messages that a source of the
/// same engine takes.
public protocol LaterAnswers: Sendable {
  /// Looks out for the answer to a delivery. To be called before it is sent: an answer may be faster than the partner's
  /// word that it has the message.
  ///
  /// - Parameters:
  ///   - controlID: how the answer names what was sent: of a message its control id, else what the source says
  ///     (`Inbox.answer`).
  ///   - then: gets the answer, once, on any thread. Its sender is told that it was taken when the end of the delivery
  ///     that follows from it is durable.
  func expect(_ controlID: String, to delivery: DeliveryID, then: @escaping @Sendable (Payload) -> Void)

  /// Looks out no longer.
  ///
  /// - Returns: `false` where the answer has come: what it was given to is called, or will be.
  func forget(_ delivery: DeliveryID) -> Bool
}

/// The settings of a destination whose partner may send its answers as messages of their own: the engine takes them off
/// the source of the channel that is named.
public protocol LaterAnswerSettings: Settings {
  var answersFrom: ChannelNameReference? { get }
  /// Whether an answer names what it is for by something that nobody else uses: several destinations may name one
  /// channel then.
  static var answersAreUnique: Bool { get }
}

extension LaterAnswerSettings {
  public static var answersAreUnique: Bool { false }
}

/// The name of a channel, and where it stands, for the problem where there is none.
public struct ChannelNameReference: SettingValue, Hashable {
  public var name: ChannelName
  public var place: Place?

  public init(_ name: ChannelName, at place: Place? = nil) {
    self.name = name
    self.place = place
  }

  public static func read(_ node: SettingNode, _ reader: SettingReader) -> ChannelNameReference? {
    String.read(node, reader).map { ChannelNameReference(ChannelName($0), at: node.place) }
  }
  public static var kind: SettingKind { .scalar("channel") }
  public var text: String { name.text }
}

/// What a partner has accepted, and whose outcome it has not told yet.
public struct AcceptedDelivery: Sendable, Equatable {
  public var delivery: DeliveryID
  /// When it is waited for no longer, in milliseconds since 1970.
  public var until: Int64

  public init(_ delivery: DeliveryID, until: Int64) {
    self.delivery = delivery
    self.until = until
  }
}
