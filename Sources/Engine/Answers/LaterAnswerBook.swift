import ConnectorKit
import HL7
import Messages
import Store
import Synchronization

/// The answers of partners that come as messages of their own: finds the delivery that each is for, and tells its
/// sender that it was taken when the end of that delivery is durable.
///
/// Nothing of it is durable, and nothing has to be: until its end is, the delivery counts as under way, and the sender
/// of the answer has none.
package final class LaterAnswerBook: Sendable {
  /// Called once with whether the answer was taken; otherwise its sender sends it again.
  typealias Confirm = @Sendable (_ isTaken: Bool) -> Void

  private struct Expected {
    let delivery: DeliveryID
    let lane: LaneName
    let then: @Sendable (Payload) -> Void
  }

  private struct State {
    /// By the channel that they come to, and by how they name what was sent: the oldest first.
    var expected: [ChannelName: [String: [Expected]]] = [:]
    var places: [DeliveryID: (channel: ChannelName, controlID: String)] = [:]
    /// Who waits for the end of a delivery to be durable, with its lane.
    var confirming: [DeliveryID: (lane: LaneName, confirms: [Confirm])] = [:]
    /// The newest that were taken, by their own control ids as well: sent again, they are answered again.
    var taken: [Taken] = []
    /// By the channel that its answers come to; the newest last, where a deployment has another take its place.
    var lanes: [ChannelName: [Weak]] = [:]
  }

  private struct Weak {
    weak let lane: Lane?
  }

  /// An answer, as it names itself and what it answers.
  struct Taken: Equatable {
    let channel: ChannelName
    let controlID: String?
    let answered: String
  }

  private static let takenMax = 1024

  private let state = Mutex(State())
  private let confirmingCount = Atomic<Int>(0)
  private let laneCount = Atomic<Int>(0)

  // MARK: Lanes

  /// A lane's partner sends its application acknowledgements to a channel.
  func register(_ lane: Lane, in channel: ChannelName) {
    state.withLock { state in
      state.lanes[channel, default: []].append(Weak(lane: lane))
      laneCount.store(state.lanes.count, ordering: .relaxed)
    }
  }

  /// The lane whose answers come to a channel.
  func lane(of channel: ChannelName) -> Lane? {
    if laneCount.load(ordering: .relaxed) == 0 { return nil }
    return state.withLock { $0.lanes[channel]?.last { $0.lane != nil }?.lane }
  }

  private static func unregister(_ lane: LaneName, _ isIt: (Lane) -> Bool, _ state: inout State) {
    for (channel, lanes) in state.lanes where lanes.contains(where: { $0.lane?.name == lane || $0.lane == nil }) {
      let left = lanes.filter { $0.lane.map { !isIt($0) } ?? false }
      state.lanes[channel] = left.isEmpty ? nil : left
    }
  }

  // MARK: Destinations

  func expect(
    _ controlID: String, to delivery: DeliveryID, of lane: LaneName, in channel: ChannelName,
    then: @escaping @Sendable (Payload) -> Void
  ) {
    state.withLock { state in
      state.expected[channel, default: [:]][controlID, default: []].append(
        Expected(delivery: delivery, lane: lane, then: then))
      state.places[delivery] = (channel, controlID)
    }
  }

  func forget(_ delivery: DeliveryID) -> Bool {
    state.withLock { state in
      guard let place = state.places.removeValue(forKey: delivery) else { return false }
      Self.remove(delivery, place, &state)
      return true
    }
  }

  private static func remove(
    _ delivery: DeliveryID, _ place: (channel: ChannelName, controlID: String), _ state: inout State
  ) {
    state.expected[place.channel]?[place.controlID]?.removeAll { $0.delivery == delivery }
    if state.expected[place.channel]?[place.controlID]?.isEmpty == true {
      state.expected[place.channel]?[place.controlID] = nil
    }
  }

  // MARK: Answers

  /// Gives an answer to the delivery that is under way and waits for it; `false` where none does.
  func take(_ answer: Payload, _ name: Taken, confirm: @escaping Confirm) -> Bool {
    let found = state.withLock { state -> Expected? in
      guard let found = state.expected[name.channel]?[name.answered]?.first,
        let place = state.places.removeValue(forKey: found.delivery)
      else { return nil }
      Self.remove(found.delivery, place, &state)
      note(found.delivery, name, found.lane, confirm, &state)
      return found
    }
    found?.then(answer)
    return found != nil
  }

  /// An answer ends a delivery that isn't under way.
  func confirms(_ delivery: DeliveryID, _ name: Taken, of lane: LaneName, _ confirm: @escaping Confirm) {
    state.withLock { note(delivery, name, lane, confirm, &$0) }
  }

  private func note(
    _ delivery: DeliveryID, _ name: Taken, _ lane: LaneName, _ confirm: @escaping Confirm, _ state: inout State
  ) {
    let confirms: Confirm = { [self] isTaken in
      if isTaken { hasTaken(name) }
      confirm(isTaken)
    }
    state.confirming[delivery, default: (lane, [])].confirms.append(confirms)
    confirmingCount.store(state.confirming.count, ordering: .relaxed)
  }

  private func hasTaken(_ name: Taken) {
    state.withLock { state in
      if state.taken.count >= Self.takenMax { state.taken.removeFirst(Self.takenMax / 2) }
      state.taken.append(name)
    }
  }

  /// It was taken before, and its sender has not heard that.
  func wasTaken(_ name: Taken) -> Bool { state.withLock { $0.taken.contains(name) } }

  // MARK: Ends

  /// An attempt's end is durable. What only marks a delivery as possibly sent has no answer in it, and may be older
  /// than the answer.
  func ended(_ attempt: Attempt) {
    if confirmingCount.load(ordering: .relaxed) == 0 { return }
    if case .waits(_, _, _, reply: nil) = attempt.end { return }
    tell(true) { state in state.confirming.removeValue(forKey: attempt.delivery)?.confirms ?? [] }
  }

  /// A lane has stopped: what was not durable by then goes again.
  func stopped(_ ended: Lane) {
    let lane = ended.name
    tell(false) { state in
      Self.unregister(lane, { $0 === ended }, &state)
      laneCount.store(state.lanes.count, ordering: .relaxed)
      let left = state.confirming.filter { $0.value.lane == lane }
      for delivery in left.keys { state.confirming[delivery] = nil }
      return left.values.flatMap(\.confirms)
    }
  }

  private func tell(_ isTaken: Bool, _ take: (inout State) -> [Confirm]) {
    let confirms = state.withLock { state in
      defer { confirmingCount.store(state.confirming.count, ordering: .relaxed) }
      return take(&state)
    }
    for confirm in confirms { confirm(isTaken) }
  }
}

/// What one destination is given of it.
struct LaterAnswersOfLane: LaterAnswers {
  let book: LaterAnswerBook
  let lane: LaneName
  /// That its answers come to.
  let channel: ChannelName

  func expect(_ controlID: String, to delivery: DeliveryID, then: @escaping @Sendable (Payload) -> Void) {
    book.expect(controlID, to: delivery, of: lane, in: channel, then: then)
  }
  func forget(_ delivery: DeliveryID) -> Bool { book.forget(delivery) }
}

extension ChannelRuntime {
  /// A larger one is no acknowledgement.
  private static var answerBytesMax: Int { 4 << 20 }

  /// Hands an application acknowledgement that came to this channel to the delivery that it is for. Its sender is
  /// answered when the end of that is durable.
  ///
  /// - Returns: `false` where it is for none: it goes through the channel like any message.
  func takesAsAnswer(_ payload: Payload, _ version: ChannelVersion, _ turn: SenderTurn) -> Bool {
    guard let lane = shared.laterAnswers.lane(of: name), payload.format == .hl7v2,
      case .bytes(let bytes) = payload.content, bytes.count <= Self.answerBytesMax
    else { return false }
    let found = shared.strikes.reading(payload) { try? HL7Answer(bytes, version.pipeline.reading) }
    guard let answer = found, !answer.code.isCommit, let controlID = answer.controlID else { return false }
    let taken = LaterAnswerBook.Taken(
      channel: name, controlID: HL7Header(answer.message).controlID, answered: controlID)
    let confirm: LaterAnswerBook.Confirm = { [id = store.mint()] isTaken in
      turn.durable()
      if !isTaken { turn.gate.close() }
      turn.then(
        isTaken ? .accepted(id, reply: nil) : .unavailable(reason: "what it answers can't be ended at this moment"))
    }
    let book = shared.laterAnswers
    if book.take(payload, taken, confirm: confirm) { return true }
    let isEnded = lane.answered(controlID, payload) { book.confirms($0, taken, of: lane.name, confirm) }
    // What waits is not known while the lane is read, or changed by a person: the sender tries again.
    guard let isEnded else {
      confirm(false)
      return true
    }
    if isEnded { return true }
    guard book.wasTaken(taken) else { return false }
    confirm(true)
    return true
  }
}
