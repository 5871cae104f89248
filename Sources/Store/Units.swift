package import Messages
import Synchronization

/// A channel as the store knows it: names, given keys on first sight.
package struct ChannelRegistration: Sendable {
  package var name: ChannelName
  package var lanes: [String]
  /// By what a lane orders, by its name, where that isn't strict: `none`, or the expressions of its keys. Keys that
  /// other expressions made are not compared with new ones.
  package var orderings: [String: String]
  package var columns: [String]
  /// Payloads at rest are encrypted.
  package var sealed: Bool
  /// What the engine runs, for `revisions`: the SHA-256 of the channel file and all it reaches, and their contents by
  /// path.
  package var revision: (hash: [UInt8], files: [(path: String, content: [UInt8])])
  /// Kept in the same transaction.
  package var note: DeploymentNote?
  /// Lanes that are gone, and those that what waited in them goes to: what is sent again later goes there too.
  package var heirs: [String: String] = [:]

  package init(
    name: ChannelName, lanes: [String], orderings: [String: String] = [:], columns: [String], sealed: Bool = true,
    revision: (hash: [UInt8], files: [(path: String, content: [UInt8])])
  ) {
    self.name = name
    self.lanes = lanes
    self.orderings = orderings
    self.columns = columns
    self.sealed = sealed
    self.revision = revision
  }
}

/// The store's keys for one channel.
package struct ChannelKeys: Sendable {
  package struct Lane: Sendable {
    package var name: String
    package var key: Int64
    /// What waits, and how many bytes that is, when the channel was registered.
    package var waiting: Int
    package var waitingBytes: Int
    /// Held deliveries, and places that failed messages keep, at that moment.
    package var held = 0
    /// The last sequence number that was given before the lane was registered with this ordering.
    package var orderedAfter: Int64 = 0
    /// The sequence number before the first that waits; `lastSequence` where nothing waits.
    package var doneThrough: Int64
    /// The greatest sequence number given so far.
    package var lastSequence: Int64
    package var paused: Bool
    /// Nothing of it is sent before a person releases the store, or this lane (`OutgoingHold`).
    package var awaitsRelease = false

    package init(
      name: String, key: Int64, waiting: Int, waitingBytes: Int, doneThrough: Int64, lastSequence: Int64, paused: Bool
    ) {
      self.name = name
      self.key = key
      self.waiting = waiting
      self.waitingBytes = waitingBytes
      self.doneThrough = doneThrough
      self.lastSequence = lastSequence
      self.paused = paused
    }
  }
  package var channel: Int64
  package var revision: Int64
  /// `running`, `paused` (source only) or `stopped` (lanes too), as an operator left it.
  package var state: String
  /// In the order of the registration.
  package var lanes: [Lane]
  /// In the order of the registration.
  package var columns: [Int64]

  package init(channel: Int64, revision: Int64, state: String, lanes: [Lane], columns: [Int64]) {
    self.channel = channel
    self.revision = revision
    self.state = state
    self.lanes = lanes
    self.columns = columns
  }
}

/// What the pipeline made of an arrival.
package enum MessageState: String, Sendable, Codable, CaseIterable {
  case routed, dropped, held, failed, rejected, duplicate, discarded
}

/// One thing that was decided about a message, as `hilum why` tells it. Stored sealed: it may quote the message.
package struct Step: Sendable, Codable, Equatable {
  package enum Kind: String, Sendable, Codable {
    case received, note, emitted, unrouted, dropped, rejected, held, failed, flagged, retried, discarded, reprocessed
  }
  package var kind: Kind
  package var text: String
  /// The destination it is about.
  package var lane: String?
  /// Milliseconds since 1970, where it isn't the moment of the arrival.
  package var at: Int64?

  package init(_ kind: Kind, _ text: String, lane: String? = nil, at: Int64? = nil) {
    self.kind = kind
    self.text = text
    self.lane = lane
    self.at = at
  }
}

/// Keeps the order of one origin when the store can't take something: once a unit of an origin was answered
/// `unavailable`, the writer answers every later unit of that origin so too, even when it could take it.
///
/// The writer asks and sets it, on its own thread only; others may ask at any time.
package final class OriginGate: Sendable {
  private let broken = Atomic<Bool>(false)
  package init() {}

  package var isBroken: Bool { broken.load(ordering: .acquiring) }
  package func close() { broken.store(true, ordering: .releasing) }
}

/// An arrival with its outcome, to be made durable.
package struct Acceptance: Sendable {
  package struct Column: Sendable {
    package var key: Int64
    package var text: String
    package init(key: Int64, text: String) {
      self.key = key
      self.text = text
    }
  }

  package struct Delivery: Sendable {
    package var id: DeliveryID
    package var lane: Int64
    /// An index into `outputs`; `nil` where what is sent is what came in.
    package var output: Int?
    package var rendered: [String: [TemplateValue]]
    /// Dead from the start, with the reason: a template's value was absent.
    package var dead: String?
    /// The keys by which its lane orders (`Store.orderKey`), without doubles.
    package var orderKeys: [UInt64]

    package init(
      id: DeliveryID, lane: Int64, output: Int?, rendered: [String: [TemplateValue]] = [:], dead: String? = nil,
      orderKeys: [UInt64] = []
    ) {
      self.id = id
      self.lane = lane
      self.output = output
      self.rendered = rendered
      self.dead = dead
      self.orderKeys = orderKeys
    }
  }

  /// A lane in which a message that failed keeps its place.
  package struct Place: Sendable {
    package var id: DeliveryID
    package var lane: Int64
    package init(id: DeliveryID, lane: Int64) {
      self.id = id
      self.lane = lane
    }
  }

  package struct DuplicateKey: Sendable {
    package var text: String
    package var withinMilliseconds: Int64
    /// An arrival with the same key and other bytes is not accepted, but kept as rejected for this reason.
    package var othersRejected: String?
    package init(text: String, withinMilliseconds: Int64, othersRejected: String? = nil) {
      self.text = text
      self.withinMilliseconds = withinMilliseconds
      self.othersRejected = othersRejected
    }
  }

  /// For a new message its id; for a reprocessed one the id that it has.
  package var id: MessageID
  package var channel: Int64
  package var revision: Int64
  package var receivedAt: Int64
  package var payload: Payload
  package var attributes: [String: Value]
  package var state: MessageState
  /// Why, where the state has a reason; in the words of the transform's author.
  package var reason: String?
  package var duplicateKey: DuplicateKey?
  package var transportKey: String?
  package var columns: [Column]
  /// Each distinct payload that is sent and isn't the input.
  package var outputs: [Payload]
  package var deliveries: [Delivery]
  /// Lanes of the channel that this message was not routed to.
  package var passedBy: [Int64]
  /// Where a new message that failed keeps its place.
  package var places: [Place] = []
  package var steps: [Step]
  package var progress: (key: String, value: Value)?
  /// The states from which a message may be reprocessed; empty for a new message.
  package var replaces: Set<MessageState>
  /// The lane whose partner's verdict the sender waits for: a duplicate tells what became of its original there
  /// (`AcceptResult.awaited`).
  package var awaits: Int64?
  /// What stands for identifiers in what goes out; kept sealed.
  package var standIns: [StandIn] = []
  /// Asked by the writer before it runs this unit, and closed by it when the unit (or its group) is answered
  /// `unavailable`.
  package var gate: OriginGate?

  package init(
    id: MessageID, channel: Int64, revision: Int64, receivedAt: Int64, payload: Payload, attributes: [String: Value],
    state: MessageState, reason: String? = nil, duplicateKey: DuplicateKey? = nil, transportKey: String? = nil,
    columns: [Column] = [], outputs: [Payload] = [], deliveries: [Delivery] = [], passedBy: [Int64] = [],
    steps: [Step] = [], progress: (key: String, value: Value)? = nil, replaces: Set<MessageState> = [],
    gate: OriginGate? = nil
  ) {
    self.id = id
    self.channel = channel
    self.revision = revision
    self.receivedAt = receivedAt
    self.payload = payload
    self.attributes = attributes
    self.state = state
    self.reason = reason
    self.duplicateKey = duplicateKey
    self.transportKey = transportKey
    self.columns = columns
    self.outputs = outputs
    self.deliveries = deliveries
    self.passedBy = passedBy
    self.steps = steps
    self.progress = progress
    self.replaces = replaces
    self.gate = gate
  }
}

package enum AcceptResult: Sendable {
  /// Durable. The lane sequence of each delivery that is not dead from the start (-1 there), in the order of
  /// `deliveries`; whether the duplicate key was seen before with other bytes.
  case accepted(sequences: [Int64], keyReused: Bool)
  /// The original is durable; of this arrival a line is kept.
  case duplicate(of: MessageID)
  /// As `duplicate`, where the sender waits for a lane: the deliveries there that tell what its answer is. What was
  /// withdrawn waits anew, at the lane's end, as a delivery of its own.
  case awaited(of: MessageID, [Awaited])
  /// The duplicate key was seen before with other bytes, and such an arrival is refused: kept as rejected.
  case conflict
  /// Reprocessing a message that isn't in a state for it any more.
  case stale
  /// Nothing was stored.
  case unavailable(reason: String)
}

/// A delivery whose end is a sender's answer.
package struct Awaited: Sendable, Equatable {
  package var delivery: DeliveryID
  package var lane: Int64
  /// It came into its lane just now; what the store counts for it.
  package var newBytes: Int?

  package init(_ delivery: DeliveryID, lane: Int64, newBytes: Int? = nil) {
    self.delivery = delivery
    self.lane = lane
    self.newBytes = newBytes
  }
}

package enum UnitResult: Sendable, Equatable {
  /// Durable; how many rows it was about.
  case done(Int)
  /// Durable, with what follows from it: the lane sequences of its deliveries, as in `AcceptResult.accepted`.
  case followed(sequences: [Int64])
  /// Durable; how many deliveries left the lane (cancelled, buried, moved), and what the store had counted for them.
  case cancelled(count: Int, bytes: Int)
  /// The conditions of the unit don't hold any more; nothing was changed.
  case stale
  case unavailable(reason: String)
}

/// How one attempt to deliver ended.
package struct Attempt: Sendable {
  package enum End: Sendable {
    /// The partner has it.
    case delivered(summary: String, reply: Payload?)
    /// Tried again not before `dueAt` (milliseconds since 1970), which is `delay` milliseconds from now.
    case waits(dueAt: Int64, delay: Int64, reason: String, reply: Payload?)
    /// Not tried again until a person says so.
    case dead(reason: String, reply: Payload?)
    /// Keeps its place in the lane until a person releases or discards it.
    case held(reason: String, reply: Payload?)
    /// Taken back: its sender was told to send it again, and what it then sends goes anew.
    case withdrawn(reason: String, reply: Payload?)
  }
  /// The delivery is over with it.
  package var isEnd: Bool {
    switch end {
    case .delivered, .dead, .withdrawn: true
    case .waits, .held: false
    }
  }
  package var delivery: DeliveryID
  package var lane: Int64
  package var sequence: Int64
  package var epoch: Int64
  /// How many attempts were made, this one included.
  package var attempts: Int
  package var at: Int64
  /// Bytes of the message may have reached the partner in this or an earlier attempt that wasn't answered.
  package var possiblySent: Bool
  package var end: End
  /// What the partner's answer sends to other lanes, in the same unit as `delivered`: its outputs, its deliveries and
  /// steps for the story of the delivery's message, whose id it has.
  package var follows: Acceptance?
  /// What goes to the sender who waits, where a reply transform made it: kept, for the sender who asks again.
  package var answer: Payload?
  /// What it is dead of may pass (an AE): a sender who waits for the verdict and sends it again has it tried again.
  package var isPassing = false
  /// Senders wait for its lane: who sends it again is told of this end, whatever was deployed in between.
  package var isAwaited = false

  package init(
    delivery: DeliveryID, lane: Int64, sequence: Int64, epoch: Int64, attempts: Int, at: Int64, possiblySent: Bool,
    end: End
  ) {
    self.delivery = delivery
    self.lane = lane
    self.sequence = sequence
    self.epoch = epoch
    self.attempts = attempts
    self.at = at
    self.possiblySent = possiblySent
    self.end = end
  }
}

/// What people, timers and deployments change.
package enum Change: Sendable {
  /// `running`, `paused`, `stopped`.
  case channelState(channel: Int64, state: String, at: Int64)
  case lanePaused(lane: Int64, paused: Bool, at: Int64)
  /// Dead deliveries go to the tail of their lanes with a fresh budget. `sequences` of the result come through
  /// `DeliveryQuery`.
  case retryDead([DeliveryID], at: Int64)
  case discardDead([DeliveryID], reason: String, at: Int64)
  /// Waiting deliveries of a lane that shall not be sent. The lane must have let go of them.
  case cancelWaiting(lane: Int64, [DeliveryID], reason: String, at: Int64)
  /// As `cancelWaiting`, because their senders were not answered in time: what they send again goes anew.
  case withdraw(lane: Int64, [DeliveryID], reason: String, at: Int64)
  /// The first `countMax` of all that wait in a lane and were minted up to `through`, but for those at the partner. A
  /// million of them in one unit would hold everybody up: the caller asks again until nothing is left.
  case cancelAllWaiting(
    lane: Int64, through: Identifier, except: [DeliveryID], countMax: Int, reason: String, at: Int64)
  /// Held deliveries are tried again, in their places. The lane must have let go of them.
  case releaseHeld([DeliveryID], at: Int64)
  /// Held deliveries that shall not be sent. The lane must have let go of them.
  case discardHeld([DeliveryID], reason: String, at: Int64)
  /// Failed or held messages that nobody will process. Lanes in which they keep places must have let go of those.
  case discardMessages([MessageID], reason: String, at: Int64)
  /// Sends the stored bytes of a delivery once more: a new delivery at the tail of its lane.
  case resend(DeliveryID, as: DeliveryID, at: Int64)
  /// The first `countMax` that wait in a lane that nothing sends from any more become dead letters, or go to the end of
  /// another lane. The caller asks again until nothing is left.
  case buryWaiting(lane: Int64, countMax: Int, reason: String, at: Int64)
  case moveWaiting(lane: Int64, to: Int64, countMax: Int)
  /// The same by a person, of a lane at work, which must have let go of them: those of these ids that wait, or all that
  /// were minted up to `through`, but for those at the partner.
  case moveChosen(lane: Int64, to: Int64, [DeliveryID], at: Int64)
  case moveAllWaiting(
    lane: Int64, to: Int64, through: Identifier, except: [DeliveryID], countMax: Int, at: Int64)
  /// Lets lanes send that an `OutgoingHold` holds: these, or all there are and will be.
  case releaseOutgoing(lanes: [Int64]?)
  /// What is known of a channel's deployments.
  case note(channel: Int64, DeploymentNote)
  /// How far a channel's source has come, where no arrival says it; read by `Store.progress`.
  case progress(channel: Int64, key: String, Value)
  /// The next number of this name is the one behind `last`; never back.
  case sequence(channel: Int64, name: String, last: Int64)
  /// Arrivals answered `unavailable` since the last time: counted, not stored.
  case unavailable(channel: Int64, count: Int)
}

/// For how long each kind is kept, in milliseconds; `nil` for ever. What waits, is held, failed or dead is never
/// removed.
package struct Retention: Sendable, Equatable {
  package var raw: Int64?
  package var sent: Int64?
  package var replies: Int64?
  package var blobs: Int64?
  package var record: Int64?
  /// What stand-ins stand for, since they were last used.
  package var identities: Int64?

  package init(
    raw: Int64?, sent: Int64?, replies: Int64?, blobs: Int64?, record: Int64?, identities: Int64? = nil
  ) {
    self.raw = raw
    self.sent = sent
    self.replies = replies
    self.blobs = blobs
    self.record = record
    self.identities = identities
  }
}
