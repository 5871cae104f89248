import Messages

@testable import Store

/// The store as it should be, in a few dictionaries: no file, no groups, no index.
struct StoreModel {
  struct Message {
    var state: MessageState
    var text: String
    var key: String?
    var at: Int64
    var generation = 1
    var duplicateOf: MessageID?
  }
  struct Delivery {
    var message: MessageID
    var lane: Int
    var sequence: Int64
    var state: DeliveryState
    var size: Int
    var attempts = 0
  }
  struct Lane {
    var last: Int64 = 0
    var created = 0
    var counts: [DeliveryState: Int] = [:]
  }
  /// What a failed message keeps.
  struct Place {
    var id: DeliveryID
    var lane: Int
    var sequence: Int64
  }
  var places: [MessageID: [Place]] = [:]
  var messages: [MessageID: Message] = [:]
  /// In the order of their commits: the newest with a key is looked at first.
  var order: [MessageID] = []
  var deliveries: [DeliveryID: Delivery] = [:]
  var lanes = [Lane(), Lane()]
  var received = 0
  var unavailable = 0
  var states: [MessageState: Int] = [:]

  enum Accepted: Equatable {
    case accepted([Int64], keyReused: Bool)
    case duplicate(MessageID)
    case conflict
    case stale
  }

  mutating func accept(_ arrival: Acceptance, lanes indices: [Int], text: String) -> Accepted {
    if !arrival.replaces.isEmpty {
      guard var message = messages[arrival.id], arrival.replaces.contains(message.state) else { return .stale }
      states[message.state, default: 0] -= 1
      states[arrival.state, default: 0] += 1
      message.state = arrival.state
      message.generation += 1
      messages[arrival.id] = message
      let kept = arrival.state == .failed ? nil : places.removeValue(forKey: arrival.id)
      return .accepted(deliver(arrival, indices, message.text, at: kept ?? []), keyReused: false)
    }
    received += 1
    var reused = false
    if let key = arrival.duplicateKey {
      for id in order.reversed() {
        guard let earlier = messages[id], earlier.key == key.text else { continue }
        guard [.routed, .dropped, .held].contains(earlier.state) else { continue }
        guard arrival.receivedAt - earlier.at <= key.withinMilliseconds else { continue }
        if earlier.text == text {
          states[.duplicate, default: 0] += 1
          messages[arrival.id] = Message(
            state: .duplicate, text: text, key: nil, at: arrival.receivedAt, duplicateOf: id)
          return .duplicate(id)
        }
        reused = true
      }
    }
    if reused, arrival.duplicateKey?.othersRejected != nil, arrival.state != .rejected {
      states[.rejected, default: 0] += 1
      messages[arrival.id] = Message(state: .rejected, text: text, key: nil, at: arrival.receivedAt)
      order.append(arrival.id)
      return .conflict
    }
    // What was rejected isn't remembered by its key.
    let key = arrival.state == .rejected ? nil : arrival.duplicateKey?.text
    messages[arrival.id] = Message(state: arrival.state, text: text, key: key, at: arrival.receivedAt)
    order.append(arrival.id)
    states[arrival.state, default: 0] += 1
    return .accepted(deliver(arrival, indices, text), keyReused: reused)
  }

  /// A message that failed keeps its place in both lanes.
  mutating func keepPlaces(_ arrival: Acceptance) {
    for (lane, place) in arrival.places.enumerated() {
      lanes[lane].last += 1
      places[arrival.id, default: []].append(Place(id: place.id, lane: lane, sequence: lanes[lane].last))
      lanes[lane].last += Writer.placeRoom - 1
    }
  }

  mutating func deliver(
    _ arrival: Acceptance, _ indices: [Int], _ text: String, at places: [Place] = []
  ) -> [Int64] {
    var places = places
    return zip(arrival.deliveries, indices).map { delivery, lane in
      let isDead = delivery.dead != nil
      lanes[lane].created += 1
      var sequence: Int64 = -1
      if !isDead, let place = places.firstIndex(where: { $0.lane == lane }) {
        sequence = places[place].sequence
        places[place].sequence += 1
      } else if !isDead {
        lanes[lane].last += 1
        sequence = lanes[lane].last
      }
      lanes[lane].counts[isDead ? .dead : .waiting, default: 0] += 1
      let size = delivery.output.map { arrival.outputs[$0].byteCount } ?? text.utf8.count
      deliveries[delivery.id] = Delivery(
        message: arrival.id, lane: lane, sequence: sequence, state: isDead ? .dead : .waiting, size: size)
      return sequence
    }
  }

  /// Dead from the start: never sent, not by hand either.
  func isIncomplete(_ id: DeliveryID) -> Bool { deliveries[id]?.sequence == -1 }

  mutating func move(_ id: DeliveryID, from: DeliveryState, to: DeliveryState) -> Bool {
    guard let delivery = deliveries[id], delivery.state == from else { return false }
    lanes[delivery.lane].counts[from, default: 0] -= 1
    lanes[delivery.lane].counts[to, default: 0] += 1
    deliveries[id]?.state = to
    if to == .waiting, from != .held {
      lanes[delivery.lane].last += 1
      deliveries[id]?.sequence = lanes[delivery.lane].last
      deliveries[id]?.attempts = 0
    }
    return true
  }

  mutating func resend(_ id: DeliveryID, as new: DeliveryID) -> Bool {
    guard let delivery = deliveries[id], delivery.state != .waiting, delivery.state != .held else { return false }
    lanes[delivery.lane].created += 1
    lanes[delivery.lane].last += 1
    lanes[delivery.lane].counts[.waiting, default: 0] += 1
    deliveries[new] = Delivery(
      message: delivery.message, lane: delivery.lane, sequence: lanes[delivery.lane].last, state: .waiting,
      size: delivery.size)
    return true
  }

  mutating func discard(_ id: MessageID) -> Bool {
    guard let message = messages[id], message.state == .failed || message.state == .held else { return false }
    states[message.state, default: 0] -= 1
    states[.discarded, default: 0] += 1
    messages[id]?.state = .discarded
    places[id] = nil
    return true
  }
}

extension StoreModel {
  struct InLane {
    var id: DeliveryID
    var sequence: Int64
    var attempts = 0
    var waitingSize = 0
    var held: WaitingDelivery.Held.Kind?
  }

  /// What a lane reads: what waits, what is held, and the places of failed messages.
  func inLane(_ lane: Int) -> [InLane] {
    let waiting = deliveries.filter { $0.value.lane == lane && [.waiting, .held].contains($0.value.state) }.map {
      let isHeld = $0.value.state == .held
      return InLane(
        id: $0.key, sequence: $0.value.sequence, attempts: $0.value.attempts,
        waitingSize: isHeld ? 0 : $0.value.size, held: isHeld ? .delivery : nil)
    }
    let kept = places.values.flatMap(\.self).filter { $0.lane == lane }.map {
      InLane(id: $0.id, sequence: $0.sequence, held: .place)
    }
    return (waiting + kept).sorted { $0.sequence < $1.sequence }
  }
}
