import Definitions
package import Messages
import Store

// What a person decides about what keeps its place in a lane.

extension Engine {
  /// Held messages and held deliveries go on: a message through the newest revision, past its hold; a delivery is tried
  /// again in its place.
  package func release(_ ids: [Identifier]) async throws -> [ItemOutcome] {
    try await gate.beside { try await releaseEach(ids) }
  }

  private func releaseEach(_ ids: [Identifier]) async throws -> [ItemOutcome] {
    var outcomes: [ItemOutcome] = []
    for id in ids {
      if let record = try await store.delivery(id) {
        outcomes.append(try await release(id, record))
      } else {
        outcomes += try await reprocess([id], from: [.held], dryRun: false, isReleased: true)
      }
    }
    return outcomes
  }

  /// Held messages and held deliveries that shall not go on.
  package func discardHeld(_ ids: [Identifier], reason: String) async throws -> [ItemOutcome] {
    try await gate.beside { try await discardEach(ids, reason: reason) }
  }

  private func discardEach(_ ids: [Identifier], reason: String) async throws -> [ItemOutcome] {
    var outcomes: [ItemOutcome] = []
    for id in ids {
      if let record = try await store.delivery(id) {
        let change = Change.discardHeld([id], reason: reason, at: shared.clock.now().wall)
        let done = try await changeHeld(change, in: lane(of: record), givesBack: nil)
        outcomes.append(
          ItemOutcome(id: id.description, done: done, text: done ? "discarded" : "it is \(record.state.rawValue)"))
      } else if try await store.message(id)?.state == .failed {
        outcomes.append(
          ItemOutcome(id: id.description, done: false, text: "it is failed: hilum failed discard"))
      } else {
        outcomes += try await discardMessages([id], reason: reason)
      }
    }
    return outcomes
  }

  private func release(_ id: DeliveryID, _ record: DeliveryRecord) async throws -> ItemOutcome {
    func not(_ text: String) -> ItemOutcome { ItemOutcome(id: id.description, done: false, text: text) }
    guard record.state == .held else { return not("it is \(record.state.rawValue)") }
    if record.isPlace { return not("a failed message keeps this place: hilum failed retry \(record.message)") }
    guard let lane = lane(of: record) else {
      return not("channel \(record.channel) has no destination \(record.destination) at work: it would wait for ever")
    }
    let change = Change.releaseHeld([id], at: shared.clock.now().wall)
    guard try await changeHeld(change, in: lane, givesBack: record.byteCount) else {
      return not("it changed meanwhile")
    }
    return ItemOutcome(
      id: id.description, done: true, text: "is tried again in its place in \(record.channel)/\(record.destination)")
  }

  /// - Parameter givesBack: the bytes of what waits again.
  private func changeHeld(_ change: Change, in lane: Lane?, givesBack: Int?) async throws -> Bool {
    guard let lane else { return try await shared.change(change) == 1 }
    var result: Result<Bool, StoreError> = .success(false)
    await lane.changing { [shared] _ in
      do throws(StoreError) {
        let isDone = try await shared.change(change) == 1
        result = .success(isDone)
        return isDone ? (givesBack == nil ? 0 : -1, -(givesBack ?? 0)) : (0, 0)
      } catch {
        result = .failure(error)
        return (0, 0)
      }
    }
    return try result.get()
  }

  /// Lets the lanes go of the places that a failed message keeps, while `change` works on them in the store.
  func leavingPlaces<Outcome>(of id: MessageID, _ change: () async throws -> Outcome) async throws -> Outcome {
    guard let record = try await store.message(id), let channel = channel(record.channel) else {
      return try await change()
    }
    return try await channel.leavingPlaces(of: id, change)
  }
}

extension ChannelRuntime {
  /// Where a message that failed keeps its place: in every lane that has an order.
  func places(_ version: ChannelVersion) -> [Acceptance.Place] {
    guard version.definition.holdsFailed else { return [] }
    return zip(version.definition.destinations, version.lanes).compactMap { destination, lane in
      if case .none(inFlight: _) = destination.order { return nil }
      return Acceptance.Place(id: store.mint(), lane: lane.key)
    }
  }

  func leavingPlaces<Outcome>(of id: MessageID, _ change: () async throws -> Outcome) async throws -> Outcome {
    let names = try await store.placesKept(by: id)
    var outcome: Result<Outcome, any Error>?
    await Self.changing(lanes.filter { names.contains($0.name.destination) }[...]) {
      do { outcome = .success(try await change()) } catch { outcome = .failure(error) }
    }
    guard let outcome else { return try await change() }
    return try outcome.get()
  }

  private static func changing(_ lanes: ArraySlice<Lane>, _ change: () async -> Void) async {
    guard let lane = lanes.first else { return await change() }
    await lane.changing { _ in
      await changing(lanes.dropFirst(), change)
      return (0, 0)
    }
  }
}

extension ChannelVersion {
  /// The lanes find out what they stand at before something comes behind it.
  func lookAt(_ places: [Acceptance.Place]) {
    for place in places { lanes.first { $0.key == place.lane }?.grown(by: 0, bytes: 0) }
  }
}
