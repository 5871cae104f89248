package import Messages

/// A delivery that waits, with what a lane needs to send it.
package struct WaitingDelivery: Sendable {
  package var id: DeliveryID
  package var message: MessageID
  package var sequence: Int64
  package var payload: Payload
  package var rendered: [String: [TemplateValue]]
  /// Attempts made so far.
  package var attempts: Int
  /// Not before this moment (milliseconds since 1970), which was `delay` milliseconds away when it was set; 0 for at
  /// once.
  package var dueAt: Int64
  package var delay: Int64
  package var possiblySent: Bool
  /// The stored bytes don't fit their hash: must not be sent.
  package var damaged: Bool
  /// It isn't sent: it keeps its place until a person decides. Comes without its payload.
  package var held: Held?
  /// What the store counts for it: the bytes of its payload, also where that is damaged and comes without them.
  package var byteCount: Int
  /// Hashes of the keys by which its lane orders (`Store.orderKey`), without doubles; empty where it has none.
  package var orderKeys: [UInt64]

  /// - Parameter byteCount: where it is not the payload's.
  package init(
    id: DeliveryID, message: MessageID, sequence: Int64, payload: Payload, rendered: [String: [TemplateValue]],
    attempts: Int, dueAt: Int64, delay: Int64, possiblySent: Bool, damaged: Bool, byteCount: Int? = nil,
    orderKeys: [UInt64] = []
  ) {
    self.id = id
    self.message = message
    self.sequence = sequence
    self.payload = payload
    self.rendered = rendered
    self.attempts = attempts
    self.dueAt = dueAt
    self.delay = delay
    self.possiblySent = possiblySent
    self.damaged = damaged
    self.byteCount = byteCount ?? payload.byteCount
    self.orderKeys = orderKeys
  }
}

extension WaitingDelivery {
  /// Why something keeps its place in a lane.
  package struct Held: Sendable, Equatable {
    package enum Kind: Sendable {
      /// The delivery was tried, and is held.
      case delivery
      /// A message that failed keeps the place for what it will give.
      case place
    }
    package var kind: Kind
    /// May hold what the partner wrote.
    package var reason: String

    package init(_ kind: Kind, _ reason: String) {
      self.kind = kind
      self.reason = reason
    }
  }
}

/// A part of what waits in a lane, in its order.
package struct WaitingPart: Sendable, Equatable {
  /// Only numbers above `after`, and up to `through`.
  package var after: Int64
  package var through: Int64 = .max
  /// Only deliveries with this key (`Store.orderKey`).
  package var key: UInt64?
  package var countMax: Int
  package var bytesMax: Int
  /// Large payloads come as what they are kept as, unread.
  package var asKept = false

  package init(after: Int64, through: Int64 = .max, key: UInt64? = nil, countMax: Int, bytesMax: Int) {
    self.after = after
    self.through = through
    self.key = key
    self.countMax = countMax
    self.bytesMax = bytesMax
  }
}

/// One message as lists and `hilum why` show it; its content is read apart.
package struct MessageRecord: Sendable, Codable, Equatable {
  package var id: String
  package var channel: String
  package var receivedAt: Int64
  package var state: MessageState
  package var reason: String?
  package var byteCount: Int
  package var format: String
  package var sha256: String
  /// The message this one repeats.
  package var duplicateOf: String?
  package var attributes: [String: Value]
  package var columns: [String: String]
  package var steps: [Step]
  /// The raw bytes are still kept.
  package var hasRaw: Bool
  /// Counts from 1; each reprocessing adds one.
  package var generation: Int

  package init(
    id: String, channel: String, receivedAt: Int64, state: MessageState, reason: String?, byteCount: Int,
    format: String,
    sha256: String, duplicateOf: String?, attributes: [String: Value], columns: [String: String], steps: [Step],
    hasRaw: Bool, generation: Int
  ) {
    self.id = id
    self.channel = channel
    self.receivedAt = receivedAt
    self.state = state
    self.reason = reason
    self.byteCount = byteCount
    self.format = format
    self.sha256 = sha256
    self.duplicateOf = duplicateOf
    self.attributes = attributes
    self.columns = columns
    self.steps = steps
    self.hasRaw = hasRaw
    self.generation = generation
  }
}

package enum DeliveryState: String, Sendable, Codable, CaseIterable {
  case waiting, delivered, dead, discarded, cancelled
  /// It keeps its place in the lane until a person releases or discards it.
  case held
}

/// What became of a delivery, as the sender who waits for it is told.
package struct DeliveryVerdict: Sendable {
  package var state: DeliveryState
  package var summary: String
  /// The partner's last answer.
  package var reply: Payload?
  /// What a reply transform answered with.
  package var answer: Payload?
  /// It was taken back because its sender was not answered in time.
  package var isWithdrawn: Bool

  package init(
    _ state: DeliveryState, summary: String, reply: Payload? = nil, answer: Payload? = nil, isWithdrawn: Bool = false
  ) {
    self.state = state
    self.summary = summary
    self.reply = reply
    self.answer = answer
    self.isWithdrawn = isWithdrawn
  }
}

/// One delivery as lists and `hilum why` show it.
package struct DeliveryRecord: Sendable, Codable, Equatable {
  package var id: String
  package var message: String
  package var channel: String
  package var destination: String
  package var sequence: Int64
  package var state: DeliveryState
  package var attempts: Int
  package var createdAt: Int64
  /// When it was delivered, died or was given up.
  package var endedAt: Int64?
  /// When it is tried again.
  package var dueAt: Int64?
  /// `AA`, why it waits, why it died.
  package var summary: String?
  package var possibleDuplicate: Bool
  package var byteCount: Int
  /// The delivery that it repeats by hand.
  package var resendOf: String?
  /// No delivery: a failed message keeps this place in the lane.
  package var isPlace = false
  /// Taken back because its sender was not answered, and sends it again.
  package var isWithdrawn = false
  /// It waits for its group, of which the engine knows and the store doesn't.
  package var gathered: Gathered?

  /// A group of deliveries that become one message.
  package struct Gathered: Sendable, Codable, Equatable {
    package var others: Int
    /// When the group is closed, or tried again; `nil` where it waits for no time, or nothing is sent.
    package var closedAt: Int64?
    /// How often the other channel has refused it in a row, and why the last time; may quote the message.
    package var refusals: Int
    package var refusal: String?

    package init(others: Int, closedAt: Int64?, refusals: Int = 0, refusal: String? = nil) {
      self.others = others
      self.closedAt = closedAt
      self.refusals = refusals
      self.refusal = refusal
    }
  }

  package init(
    id: String, message: String, channel: String, destination: String, sequence: Int64, state: DeliveryState,
    attempts: Int,
    createdAt: Int64, endedAt: Int64?, dueAt: Int64?, summary: String?, possibleDuplicate: Bool, byteCount: Int,
    resendOf: String?
  ) {
    self.id = id
    self.message = message
    self.channel = channel
    self.destination = destination
    self.sequence = sequence
    self.state = state
    self.attempts = attempts
    self.createdAt = createdAt
    self.endedAt = endedAt
    self.dueAt = dueAt
    self.summary = summary
    self.possibleDuplicate = possibleDuplicate
    self.byteCount = byteCount
    self.resendOf = resendOf
  }
}

/// Which messages; what is `nil` doesn't narrow. Newest first.
package struct MessageQuery: Sendable, Codable {
  package var channel: String?
  package var states: [MessageState]?
  /// Milliseconds since 1970, both ends included.
  package var from: Int64?
  package var to: Int64?
  /// Exact values of searchable columns, found by their blind index.
  package var columns: [String: String]
  package var before: String?
  package var limit: Int

  package init(
    channel: String? = nil, states: [MessageState]? = nil, from: Int64? = nil, to: Int64? = nil,
    columns: [String: String] = [:], before: String? = nil, limit: Int = 50
  ) {
    self.channel = channel
    self.states = states
    self.from = from
    self.to = to
    self.columns = columns
    self.before = before
    self.limit = limit
  }
}

/// Which deliveries, in the order of their lanes.
package struct DeliveryQuery: Sendable, Codable {
  package var channel: String?
  package var destination: String?
  package var state: DeliveryState
  package var limit: Int
  /// With what waits, also what is held in the same lanes, and the places of failed messages.
  package var withHeld: Bool?

  package init(channel: String? = nil, destination: String? = nil, state: DeliveryState, limit: Int = 50) {
    self.channel = channel
    self.destination = destination
    self.state = state
    self.limit = limit
  }
}

/// The ledger of one channel. It adds up at every moment: `problems` is empty.
///
/// Arrivals: received = accepted + duplicate + rejected + unavailable; accepted = routed + dropped + held + failed (+
/// discarded by a person). Deliveries of each lane: created = delivered + waiting + held + dead + discarded +
/// cancelled.
package struct ChannelLedger: Sendable, Codable, Equatable {
  package struct Lane: Sendable, Codable, Equatable {
    package var name: String
    package var created: Int
    package var delivered: Int
    package var waiting: Int
    package var dead: Int
    package var discarded: Int
    package var cancelled: Int
    /// Deliveries that keep their places until a person decides.
    package var held = 0
    /// Places that failed messages keep; no deliveries.
    package var places = 0
    /// Messages that this lane's `when`, or `emit … to`, left out.
    package var passedBy: Int
    package var waitingBytes: Int
    /// When the oldest that waits was created; milliseconds since 1970.
    package var oldestAt: Int64?
    package var paused: Bool

    package init(
      name: String, created: Int, delivered: Int, waiting: Int, dead: Int, discarded: Int, cancelled: Int,
      passedBy: Int,
      waitingBytes: Int, oldestAt: Int64?, paused: Bool
    ) {
      self.name = name
      self.created = created
      self.delivered = delivered
      self.waiting = waiting
      self.dead = dead
      self.discarded = discarded
      self.cancelled = cancelled
      self.passedBy = passedBy
      self.waitingBytes = waitingBytes
      self.oldestAt = oldestAt
      self.paused = paused
    }
  }
  package var channel: String
  package var state: String
  package var received: Int
  package var accepted: Int
  package var duplicate: Int
  package var rejected: Int
  package var unavailable: Int
  package var routed: Int
  package var dropped: Int
  package var held: Int
  package var failed: Int
  package var discarded: Int
  package var lanes: [Lane]

  package init(
    channel: String, state: String, received: Int, accepted: Int, duplicate: Int, rejected: Int, unavailable: Int,
    routed: Int, dropped: Int, held: Int, failed: Int, discarded: Int, lanes: [Lane]
  ) {
    self.channel = channel
    self.state = state
    self.received = received
    self.accepted = accepted
    self.duplicate = duplicate
    self.rejected = rejected
    self.unavailable = unavailable
    self.routed = routed
    self.dropped = dropped
    self.held = held
    self.failed = failed
    self.discarded = discarded
    self.lanes = lanes
  }

  /// Every sum that doesn't come out, in words; empty where the ledger adds up.
  package var problems: [String] {
    var problems: [String] = []
    func hold(_ name: String, _ whole: Int, _ parts: Int) {
      if whole != parts { problems.append("\(channel): \(name): \(whole) is not \(parts)") }
    }
    hold(
      "received = accepted + duplicate + rejected + unavailable", received,
      accepted + duplicate + rejected + unavailable)
    hold(
      "accepted = routed + dropped + held + failed + discarded", accepted, routed + dropped + held + failed + discarded)
    for lane in lanes {
      hold(
        "\(lane.name): created = delivered + waiting + held + dead + discarded + cancelled", lane.created,
        lane.delivered + lane.waiting + lane.held + lane.dead + lane.discarded + lane.cancelled)
    }
    return problems
  }
}
