import ConnectorKit
import Definitions
import Dispatch
import Messages
import Store
import Synchronization

/// Where a channel's source hands over what arrived: runs the pipeline, makes message and outcome durable, answers.
final class ChannelInbox: Inbox {
  private let channel: ChannelRuntime

  init(_ channel: ChannelRuntime) { self.channel = channel }

  func origin(_ name: String) -> any Origin { ChannelOrigin(channel) }

  func stage() throws(StagingError) -> any ContentWriter {
    try channel.store.stage(channel: channel.keys.channel)
  }

  func progress(_ key: String) async throws -> Value? {
    try await channel.store.progress(channel: channel.keys.channel, key: key)
  }

  var awaitsAnswers: Bool { channel.shared.laterAnswers.lane(of: channel.name) != nil }

  func answer(_ name: String, _ payload: Payload, then: @escaping @Sendable (_ isTaken: Bool) -> Void) -> Bool {
    let book = channel.shared.laterAnswers
    let taken = LaterAnswerBook.Taken(channel: channel.name, controlID: nil, answered: name)
    if book.take(payload, taken, confirm: then) { return true }
    guard book.wasTaken(taken) else { return false }
    then(true)
    return true
  }

  func kept(_ column: String, _ value: String) async throws -> [[String: String]] {
    let query = MessageQuery(
      channel: channel.name.text, states: [.routed, .held, .failed], columns: [column: value], limit: 10)
    return try await channel.store.messages(query).filter(\.hasRaw).map(\.columns)
  }

  /// Keeps how far a source has come where no arrival says it.
  func keep(_ key: String, _ value: Value) async throws {
    try await channel.shared.change(.progress(channel: channel.keys.channel, key: key, value))
  }
}

/// The order of one sender: what it offers runs, commits and is answered in the order of the calls.
///
/// Nearly everything runs where it was offered, on the connection's own event loop: no task, no actor, no queue. A
/// large message would hold that loop up (its hash alone takes milliseconds, and its blob is synced), so it runs on a
/// worker, and what is offered behind it waits for it there.
final class ChannelOrigin: Origin {
  /// Beyond this a message runs on a worker.
  private static let inPlaceBytesMax = 64 << 10
  private static let workers = DispatchQueue(label: "hilum.pipeline", attributes: .concurrent)

  private struct Offer {
    let arrival: Arrival
    let then: @Sendable (Receipt) -> Void
  }

  private struct State {
    /// Waits for the worker, or for the channel's next version; the first is being worked on.
    var backlog: [Offer] = []
  }

  private let channel: ChannelRuntime
  private let gate = OriginGate()
  private let order = AnswerOrder()
  private let state = Mutex(State())

  init(_ channel: ChannelRuntime) { self.channel = channel }

  func offer(_ arrival: Arrival, then: @escaping @Sendable (Receipt) -> Void) {
    channel.meter.arrived()
    // A batch is many messages.
    let isLarge = Self.isLarge(arrival.payload) || channel.definition.batch != nil
    let entered: ChannelVersion? = state.withLock { state in
      let isFirst = state.backlog.isEmpty
      if isFirst, !isLarge, let version = enter() { return version }
      state.backlog.append(Offer(arrival: arrival, then: then))
      if isFirst, isLarge { Self.workers.async { self.workOff() } }
      return nil
    }
    if let entered { process(arrival, entered, then) }
  }

  /// An image that is kept already is read where it isn't pixels; of anything else that is kept, all is read.
  private static func isLarge(_ payload: Payload) -> Bool {
    if !payload.isInMemory, payload.format == .dicom { return false }
    return payload.byteCount > inPlaceBytesMax
  }

  func close() { for awaited in order.close() { channel.shared.answers.drop(awaited) } }

  /// Enters the version that runs; while that is changed, the backlog is worked off when it has been.
  private func enter() -> ChannelVersion? {
    channel.passage.enter { [self] in Self.workers.async { self.workOff() } }
  }

  private func workOff() {
    while true {
      let next = state.withLock { $0.backlog.first }
      guard let next, let version = enter() else { return }
      process(next.arrival, version, next.then)
      let done = state.withLock { state in
        state.backlog.removeFirst()
        return state.backlog.isEmpty
      }
      if done { return }
    }
  }

  private func process(
    _ arrival: Arrival, _ version: ChannelVersion, _ then: @escaping @Sendable (Receipt) -> Void
  ) {
    let number = order.enter(then)
    if gate.isBroken {
      channel.passage.leave()
      return turnAway(number, arrival, "an earlier message of this sender was not stored")
    }
    let size = arrival.payload.bytesInMemory
    if let reason = channel.reasonToTurnAway(bytes: size, version) {
      channel.passage.leave()
      gate.close()
      return turnAway(number, arrival, reason)
    }
    channel.arriving(size)
    if let rule = version.definition.batch {
      let receipt = channel.takeBatch(arrival, rule, version, gate: gate)
      channel.arriving(-size)
      if case .unavailable = receipt { channel.meter.turnedAway() }
      return order.settle(number, receipt)
    }
    let turn = SenderTurn(
      gate: gate,
      durable: { [channel] in channel.arriving(-size) },
      waits: { [order, channel] awaited in
        if !order.waits(number, for: awaited), awaited.isPromised { channel.shared.answers.drop(awaited) }
      },
      isLate: { [order, gate, channel] late in
        if late.keeps { return channel.shared.answers.keep(late) }
        if late.isQuestion { return channel.shared.answers.late([late]) }
        // What its sender sends again goes before all that it sent behind it.
        gate.close()
        channel.shared.answers.late(order.awaited(from: number).filter { !$0.keeps && !$0.isPromised })
      },
      then: { [order] in order.settle(number, $0) })
    channel.take(arrival, version, turn)
  }

  /// Answers that the arrival wasn't stored, in its turn.
  private func turnAway(_ number: Int, _ arrival: Arrival, _ reason: String) {
    channel.store.discard(arrival.payload)
    channel.meter.turnedAway()
    order.settle(number, .unavailable(reason: reason))
  }
}

/// An arrival's place in the order of its sender.
struct SenderTurn: Sendable {
  let gate: OriginGate
  /// The store has it, or will never have it.
  let durable: @Sendable () -> Void
  /// It is stored, and its receipt waits for a partner.
  let waits: @Sendable (AwaitedAnswer) -> Void
  /// The partner's verdict did not come in time.
  let isLate: @Sendable (AwaitedAnswer) -> Void
  let then: @Sendable (Receipt) -> Void
}
