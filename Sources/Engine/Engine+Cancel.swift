import Logging
package import Messages
import Store

extension Engine {
  /// The store cancels so many in one unit; between two of them everybody else has a turn.
  static let cancelStepMax = 500

  /// Cancels what waits in a lane: these deliveries, or all where none is named. What is at the partner at this
  /// moment is left, and so is what comes in meanwhile.
  ///
  /// A long lane is cancelled in steps, the oldest first. If the engine dies in between, what was cancelled stays so,
  /// and the rest is sent after the next start.
  ///
  /// - Returns: how many were cancelled.
  package func cancelWaiting(_ name: String, _ ids: [DeliveryID]?, reason: String) async throws -> Int {
    try await gate.beside { try await cancelAlone(name, ids, reason: reason) }
  }

  private func cancelAlone(_ name: String, _ ids: [DeliveryID]?, reason: String) async throws -> Int {
    let (key, lane) = try await laneOrKey(name)
    let at = shared.clock.now().wall
    let count = try await take(ids, from: key, lane, "cancelled") { step, through, except in
      if let step { return .cancelWaiting(lane: key, step, reason: reason, at: at) }
      return .cancelAllWaiting(
        lane: key, through: through, except: except, countMax: Self.cancelStepMax, reason: reason, at: at)
    }
    log.notice("What waited was cancelled by hand.", metadata: ["lane": "\(name)", "count": "\(count)"])
    return count
  }

  /// Takes deliveries of a lane back whose senders were not answered in time; what is at the partner is left.
  ///
  /// It doesn't wait for a deployment, which may wait for a partner's answer for longer than the sender does, but for
  /// the moment in which one lane takes another's place: the new one would send what it has read already.
  func withdraw(_ name: LaneName, _ ids: [DeliveryID]) async {
    if ids.isEmpty { return }
    let reason = "its sender was not answered in time, and sends it again"
    try? await laneSwaps.take { [self] in
      guard let (key, lane) = try? await laneOrKey("\(name)") else { return }
      _ = try? await take(ids, from: key, lane, "withdrawn") { step, _, _ in
        .withdraw(lane: key, step ?? [], reason: reason, at: shared.clock.now().wall)
      }
    }
  }

  /// Takes what waits out of a lane, in steps: these deliveries, or all where none is named.
  ///
  /// - Parameters:
  ///   - done: what happens to them, for people.
  ///   - change: what takes these; where it gets none, the next ones up to an id, but for those at the partner.
  ///   - taken: is told of each step.
  /// - Returns: how many.
  func take(
    _ ids: [DeliveryID]?, from key: Int64, _ lane: Lane?, _ done: String,
    _ change: ([DeliveryID]?, Identifier, [DeliveryID]) -> Change, taken: (Int, Int) -> Void = { _, _ in }
  ) async throws -> Int {
    var all = Taken()
    if let lane {
      await lane.changing { underWay in
        all = await takeInSteps(ids, except: underWay, change, taken)
        return (all.count, all.bytes)
      }
    } else {
      all = await takeInSteps(ids, except: [], change, taken)
    }
    guard let failure = all.failure else { return all.count }
    if all.count == 0 { throw failure }
    throw OperationError("\(all.count) were \(done), and the others not: \(failure)")
  }

  private struct Taken {
    var count = 0
    var bytes = 0
    /// What ended it early.
    var failure: StoreError?
  }

  private func takeInSteps(
    _ ids: [DeliveryID]?, except: Set<DeliveryID>, _ change: ([DeliveryID]?, Identifier, [DeliveryID]) -> Change,
    _ taken: (Int, Int) -> Void
  ) async -> Taken {
    let through = store.mint()
    var all = Taken()
    var left = ids.map { $0.filter { !except.contains($0) }[...] }
    while left?.isEmpty != true {
      let chosen = left.map { Array($0.prefix(Self.cancelStepMax)) }
      left?.removeFirst(chosen?.count ?? 0)
      do throws(StoreError) {
        let step = try await shared.taking(change(chosen, through, Array(except)))
        all.count += step.count
        all.bytes += step.bytes
        if step.count > 0 { taken(step.count, step.bytes) }
        if left == nil, step.count < Self.cancelStepMax { break }
      } catch {
        all.failure = error
        break
      }
    }
    return all
  }

  /// The lane of this name with the store's key for it; without the lane where nothing sends from it, because the
  /// channel file doesn't name it any more, or there is no such file, or it has an error.
  func laneOrKey(_ name: String) async throws -> (Int64, Lane?) {
    guard let parsed = LaneName(name) else { throw OperationError("\(name) is not CHANNEL/LANE") }
    if let lane = leaving.first(where: { $0.lane.name == parsed })?.lane { return (lane.key, lane) }
    if let lane = channel(parsed.channel.text)?.lanes.first(where: { $0.name == parsed }) { return (lane.key, lane) }
    try await check(DeliveryQuery(channel: parsed.channel.text, destination: parsed.destination, state: .waiting))
    guard let key = try await store.laneKey(parsed) else { throw OperationError("there is no lane \(name)") }
    return (key, nil)
  }
}
