public import Logging
public import Messages

/// What the engine can be connected to: a protocol, a kind of folder, a service.
///
/// A connector is declared by one type for its source, one for its destination, or both; each names its settings, and
/// from their declarations (`@Setting`) come parsing, validation, defaults and the reference page.
public protocol Connector: Sendable {
  associatedtype Options: Settings

  /// The key of a channel file that chooses this connector: `mllp`, `file`.
  static var name: String { get }
  /// One or two sentences for the reference page.
  static var about: String { get }

  /// Checks what can be checked without touching the outside, and keeps the settings. Opens nothing.
  ///
  /// - Throws: `SettingError` where the settings can't work together; what a single setting can say of itself, it says
  ///   when it is read.
  init(_ options: Options, context: ConnectorContext) throws

  /// The certificates that it shows to partners, and the authorities that it trusts, read anew: so that people learn in
  /// time that one ends, or that a file was replaced by one that can't be used.
  func certificates() async -> [CertificateStatus]
}

/// What the engine tells a connector about its surroundings.
public struct ConnectorContext: Sendable {
  /// The channel it works for.
  public var channel: ChannelName
  /// The destination's name within the channel; `nil` for a source.
  public var destination: String?
  /// For structured lines without content: never log a payload, a path value or a partner's words.
  public var logger: Logger
  /// How HL7 is read and answered, from the `hl7:` block beside the source.
  public var hl7: HL7Settings
  /// The largest message the channel takes, in bytes; a source refuses larger ones without holding them whole.
  public var messageBytesMax: Int
  /// How many sends of a destination may be under way at once with no order among them: each may use a connection of
  /// its own. 1 where the lane is strict, also with a `window`.
  public var inFlight: Int
  /// The channel mends messages before they are read (`prepare:`): what an answer says of a message is not to be taken
  /// from the bytes that came, but from those that `Arrival.whenPrepared` gives.
  public var isPrepared: Bool
  /// A destination that asks questions waits no longer than this for an answer, whatever its own settings say; `nil`
  /// leaves it to them.
  public var answerWithin: Duration?
  /// Where a destination gets answers that come on a way of their own; `nil` where its settings name none.
  public var laterAnswers: (any LaterAnswers)?
  /// A destination reads a partner's answer within this, so that an answer which crashes the engine is not met for
  /// ever.
  public var answers: any AnswerGuard

  public init(
    channel: ChannelName, destination: String? = nil, logger: Logger = Logger(label: "hilum"),
    hl7: HL7Settings = HL7Settings(),
    messageBytesMax: Int = 64 << 20, inFlight: Int = 1, isPrepared: Bool = false,
    answers: any AnswerGuard = UnguardedAnswers()
  ) {
    self.channel = channel
    self.destination = destination
    self.logger = logger
    self.hl7 = hl7
    self.messageBytesMax = messageBytesMax
    self.inFlight = inFlight
    self.isPrepared = isPrepared
    self.answers = answers
  }
}

/// Remembers, beyond the death of the process, that the answer to a delivery was being read. After two deaths there
/// the engine gives the delivery up instead of sending it again.
public protocol AnswerGuard: Sendable {
  /// Runs `read`, which parses what the partner answered to this delivery.
  func reading<Answer>(answerTo delivery: DeliveryID, _ read: () -> Answer) -> Answer
}

/// Guards nothing: for connectors that are tried without an engine.
public struct UnguardedAnswers: AnswerGuard {
  public init() {}
  public func reading<Answer>(answerTo delivery: DeliveryID, _ read: () -> Answer) -> Answer { read() }
}

/// The settings of a connector can't work, for a reason that no single setting shows.
public struct SettingError: Error, CustomStringConvertible {
  /// The setting it is about, in the file's spelling (`tls.key`); `nil` where it is about all.
  public var setting: String?
  public var reason: String

  public init(_ reason: String, setting: String? = nil) {
    self.reason = reason
    self.setting = setting
  }

  public var description: String { setting.map { "\($0): \(reason)" } ?? reason }
}
