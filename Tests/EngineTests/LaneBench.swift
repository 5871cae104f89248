import DequeModule
import Messages
import Store

@testable import Engine

/// A lane's machine under a test's clock. What it does is collected; the test answers by hand.
struct LaneBench {
  private(set) var machine: LaneMachine
  var now = Moment(wall: LaneBench.start, steady: 5000)
  private(set) var sends: [WaitingDelivery] = []
  private(set) var finishes: [Attempt] = []
  private(set) var refills: [WaitingPart] = []
  private(set) var wakes: [Int64] = []
  /// What was at the partner when the lane last let go.
  private(set) var underWay: Set<DeliveryID> = []
  private(set) var stops = 0

  static let start: Int64 = 1_700_000_000_000

  init(_ policy: LanePolicy = .plain, waiting: Int = 0, suspects: Int = 0, paused: Bool = false, seed: UInt64 = 1) {
    let keys = ChannelKeys.Lane(
      name: "ehr", key: 7, waiting: waiting, waitingBytes: waiting * 10, doneThrough: 0, lastSequence: Int64(waiting),
      paused: paused)
    machine = LaneMachine(keys, epoch: 3, policy: policy, suspects: suspects, seed: seed)
    event { $0.started($1) }
  }

  /// A delivery as the store hands it out.
  static func delivery(_ sequence: Int64, bytes: Int = 10, mintedAt: Int64 = start) -> WaitingDelivery {
    let id = Identifier(high: UInt64(mintedAt) << 15, low: UInt64(sequence))
    return WaitingDelivery(
      id: id, message: id, sequence: sequence, payload: Payload(.hl7v2, [UInt8](repeating: 65, count: bytes)),
      rendered: [:], attempts: 0, dueAt: 0, delay: 0, possiblySent: false, damaged: false)
  }

  // MARK: Events

  mutating func event(_ event: (inout LaneMachine, Moment) -> Void) {
    event(&machine, now)
    while let action = machine.actions.popFirst() {
      switch action {
      case .send(let delivery, _, _): sends.append(delivery)
      case .finish(let attempt, _): finishes.append(attempt)
      case .refill(let part): refills.append(part)
      case .wake(let after): wakes.append(after)
      case .letGo(let ids): underWay = ids
      case .stopped: stops += 1
      }
    }
  }

  mutating func offer(_ sequences: ClosedRange<Int64>, bytes: Int = 10) {
    for sequence in sequences { event { $0.offer(Self.delivery(sequence, bytes: bytes), $1) } }
  }

  mutating func refilled(_ sequences: some Sequence<Int64>, all: Bool, bytes: Int = 10) {
    event { $0.refilled(sequences.map { Self.delivery($0, bytes: bytes) }, all: all, $1) }
  }

  /// The last send of this sequence number ended.
  mutating func end(_ sequence: Int64, _ end: LaneMachine.End) {
    guard let last = sends.last(where: { $0.sequence == sequence }) else { return }
    event { $0.sent(last.id, attempt: last.attempts, end, $1) }
  }

  mutating func taken(_ sequence: Int64) { end(sequence, .taken(summary: "AA", reply: nil)) }

  mutating func unreachable(_ sequence: Int64, bytesSent: Bool = false, retryAfter: Int64? = nil) {
    end(sequence, .unreachable(reason: "refused the connection", bytesSent: bytesSent, retryAfter: retryAfter))
  }

  mutating func refused(
    _ sequence: Int64, _ code: String? = "AE", forever: Bool = false, retryAfter: Int64? = nil
  ) {
    end(sequence, .refused(reason: "refused", code: code, forever: forever, reply: nil, retryAfter: retryAfter))
  }

  /// The oldest `count` finishes are durable.
  mutating func durable(_ count: Int) {
    for _ in 0..<count {
      let attempt = finishes[durableCount]
      durableCount += 1
      event { $0.finished(attempt, $1) }
    }
  }
  private var durableCount = 0

  /// Both clocks go on, and the lane is woken as it asked.
  mutating func pass(_ milliseconds: Int64) {
    now.wall += milliseconds
    now.steady += milliseconds
    event { $0.woken($1) }
  }

  // MARK: What was seen

  /// What was sent since the last call.
  mutating func sent() -> [Int64] {
    defer { seenSends = sends.count }
    return sends[seenSends...].map(\.sequence)
  }
  private var seenSends = 0

  /// The ends of attempts since the last call, as words: `1 delivered`, `2 waits`, `3 dead`.
  mutating func ended() -> [String] {
    defer { seenFinishes = finishes.count }
    return finishes[seenFinishes...].map { "\($0.sequence) \($0.end.word)" }
  }
  private var seenFinishes = 0
}

extension LanePolicy {
  /// Delays without jitter, so that a test can name them.
  static var plain: LanePolicy {
    var policy = LanePolicy()
    policy.retry.jitter = false
    return policy
  }

  static func window(_ window: Int) -> LanePolicy {
    var policy = plain
    policy.window = window
    return policy
  }
}

extension Attempt.End {
  var word: String {
    switch self {
    case .delivered: "delivered"
    case .waits: "waits"
    case .dead: "dead"
    case .held: "held"
    case .withdrawn: "withdrawn"
    }
  }

  /// Why it waits or died.
  var reason: String? {
    switch self {
    case .delivered: nil
    case .waits(_, _, let reason, _), .dead(let reason, _), .held(let reason, _), .withdrawn(let reason, _): reason
    }
  }

  /// How long it waits, in milliseconds.
  var delay: Int64? {
    if case .waits(_, let delay, _, _) = self { delay } else { nil }
  }
}
