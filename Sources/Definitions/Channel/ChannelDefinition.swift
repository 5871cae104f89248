package import ConnectorKit
package import Hilt
package import Messages

/// A channel as its file says, checked and compiled: what the engine puts to work.
package struct ChannelDefinition: Sendable {
  package var name: ChannelName
  package var about: String?
  package var contact: Contact?
  package var source: SourceDefinition
  /// How HL7 is read and answered, from the `hl7:` block beside the source.
  package var hl7: HL7Settings
  /// Mends the bytes that came before they are read; the bytes that came are kept.
  package var prepare: HiltProgram?
  package var format: Format
  /// What comes is a batch, and what of it is a message of its own; `nil`: all of it is one.
  package var batch: BatchRule?
  package var unexpected: Unexpected
  /// A message that failed keeps its place in the lanes.
  package var holdsFailed: Bool
  /// `nil`: the message goes on unchanged.
  package var transform: HiltProgram?
  /// In the order of the file.
  package var destinations: [DestinationDefinition]
  /// `nil`: every message is processed.
  package var duplicates: DuplicateRule?
  package var keep: Keep
  /// In the order of the file.
  package var columns: [Column]
  package var limits: ChannelLimits
  package var alerts: AlertRules
  /// `nil`: the sender is answered when its message is on disk.
  package var acknowledgement: Acknowledgement?
  package var revision: Revision
  /// The channels that start before it, and stop after it.
  package var dependsOn: [ChannelName] = []
  /// What is said of each destination's lane, setting by setting, for who asks what another revision changes there.
  package private(set) var laneValues: [String: [(setting: String, text: String)]] = [:]

  /// Programs and conditions are the pipeline's, and not the lane's.
  mutating func keepValues(of node: SettingNode?) {
    guard case .map(let destinations)? = node?["destinations"]?.kind else { return }
    for destination in destinations {
      laneValues[destination.key] = destination.value.values.filter {
        $0.setting != "when" && $0.setting != "transform" && !$0.setting.hasPrefix("transform.")
      }
    }
  }

  /// The sender is answered when a destination's partner has taken its message, or refused it.
  package struct Acknowledgement: Sendable, Hashable {
    package var destination: String
    package var within: Duration
    /// Not answered in time, the message counts as accepted; otherwise its delivery is taken back.
    package var keeps: Bool
    /// The sender asked a question: unanswered, it is refused.
    package var isQuestion = false
  }

  /// Whom to call.
  package struct Contact: Sendable, Hashable {
    package var partner: String?
    package var phone: String?
    package var hours: String?
    package var runbook: String?
    /// Patients depend on this channel at any moment.
    package var critical: Bool
  }

  /// What becomes of a message whose type or version the transform does not take.
  package enum Unexpected: String, SettingChoice, Hashable { case reject, pass, fail }

  /// The same key and the same bytes within the time: a duplicate.
  package struct DuplicateRule: Sendable {
    package var key: HiltTemplate
    package var within: Duration
    /// The same key with other bytes is refused.
    package var rejectsOthers = false
  }

  /// A value of the message as it came that is indexed, shown and searched.
  package struct Column: Sendable {
    package var name: String
    package var expression: HiltValue
  }
}

/// One destination of a channel, and so one lane.
package struct DestinationDefinition: Sendable {
  package var name: String
  package var connector: ConnectorDefinition
  /// A condition on what was emitted; `nil` takes all.
  package var when: HiltCondition?
  /// This destination's own program, after the channel's.
  package var transform: HiltProgram?
  /// The templates of the connector's settings, by the setting's key (`name`, `tls.server-name`): rendered for each
  /// delivery before the commit, into `Delivery.rendered`.
  package var templates: [(setting: String, template: HiltTemplate)]
  package var order: Order
  /// Sends that may be under way at once on one connection, in a strict order.
  package var window: Int
  /// Finished deliveries that may be not yet durable.
  package var unconfirmedMax: Int
  package var retry: RetryRule
  /// How often a message is tried again, by the code of the refusal; AE and AR are always here. Another code counts as
  /// `AE` where the connector says that it could be taken later, and as `AR` where it says that it never will.
  package var refused: [String: Int]
  /// What was refused more often keeps its place in the lane until a person decides; otherwise it is dead.
  package var holdsRefused: Bool
  /// What the partner's answer means, and what follows from it.
  package var reply: HiltProgram?
  /// What goes there is asked once; `nil` where it is delivered.
  package var question: Question?
  /// What goes there is gathered into one message; `nil` where each goes by itself.
  package var collect: Collect?

  package struct Question: Sendable, Hashable {
    package var within: Duration
    /// The sender waits for the answer.
    package var isAsked: Bool
  }

  /// How messages are gathered.
  package struct Collect: Sendable {
    /// What belongs together, as it is written; `nil` where all does.
    package var by: (template: HiltTemplate, written: String)?
    package var idle: Duration?
    package var countMax: Int
    /// Every day, minutes after midnight.
    package var dailyAt: Int?
    /// What is gathered are DICOM objects, and the message tells of them without their pixels.
    package var makesStudies = false
    /// Of the lines that are sent; `nil` where no program says how they are written.
    package var layout: DelimitedLayout?
  }
}

extension DestinationDefinition {
  /// What may go past what.
  package enum Order: Sendable {
    /// First in, first out.
    case strict
    /// What shares a key stays in order; so many are under way at once.
    case keys([HiltValue], inFlight: Int, written: [String])
    case none(inFlight: Int)

    /// Something may go past something else.
    package var isLoose: Bool { if case .strict = self { false } else { true } }

    /// It looks into what is sent.
    package var hasKeys: Bool { if case .keys = self { true } else { false } }

    /// How many connections a connector may use at once.
    package var inFlight: Int {
      switch self {
      case .strict: 1
      case .keys(_, let inFlight, _), .none(let inFlight): inFlight
      }
    }
  }
}

/// How a lane tries again while its partner can't be reached or does not answer.
package struct RetryRule: Sendable, Hashable {
  package var first: Duration
  package var factor: Double
  package var longest: Duration
  /// Each wait is drawn from 0 up to its length.
  package var isJittered: Bool
  /// After this long its messages become dead; `nil` waits for ever.
  package var limit: Duration?
}

/// How long each kind of content is kept.
package struct Keep: Sendable, Hashable {
  package var raw: Duration = .days(30)
  package var sent: Duration = .days(30)
  package var replies: Duration = .days(30)
  package var blobs: Duration = .days(7)
  package var record: Duration = .days(400)

  package init() {}

  /// With what a file says in the place of what was there.
  func overlaid(with settings: KeepSettings?) -> Keep {
    var keep = self
    keep.raw = settings?.raw ?? raw
    keep.sent = settings?.sent ?? sent
    keep.replies = settings?.replies ?? replies
    keep.blobs = settings?.blobs ?? blobs
    keep.record = settings?.record ?? record
    return keep
  }
}

/// What one message may cost, and how much of a channel may wait.
package struct ChannelLimits: Sendable, Hashable {
  package var messageBytesMax = 64 << 20
  /// What a DICOM object may have where its channel doesn't say.
  static let imageBytesMax = 4 << 30
  package var stepsMax = 2_000_000
  package var emitsMax = 4096
  /// Deliveries of the channel that may wait; `nil` counts only bytes.
  package var waitingMax: Int?
  /// `nil` leaves it to the engine: a fifth of the disk.
  package var waitingBytesMax: Int?

  package init() {}

  /// With what a file says in the place of what was there.
  ///
  /// - Parameter inPieces: what comes goes through piece by piece, and may have more than a message that is held in
  ///   memory.
  func overlaid(with settings: LimitSettings?, inPieces: Bool = false) -> ChannelLimits {
    var limits = self
    limits.messageBytesMax =
      settings?.message?.bytes ?? (inPieces ? max(messageBytesMax, Self.imageBytesMax) : messageBytesMax)
    limits.stepsMax = settings?.steps ?? stepsMax
    limits.emitsMax = settings?.emits ?? emitsMax
    limits.waitingMax = settings?.waiting ?? waitingMax
    limits.waitingBytesMax = settings?.bytes?.bytes ?? waitingBytesMax
    return limits
  }
}

extension Duration {
  static func days(_ count: Int64) -> Duration { .seconds(count * 86_400) }
}
