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
    guard let lane else { return try await cancel(key, ids, except: [], reason: reason).whole }
    var cancelled = Cancelled()
    await lane.changing { underWay in
      cancelled = await cancel(key, ids, except: underWay, reason: reason)
      return (cancelled.count, cancelled.bytes)
    }
    return try cancelled.whole
  }

  /// Takes deliveries of a lane back whose senders were not answered in time; what is at the partner is left.
  func withdraw(_ name: LaneName, _ ids: [DeliveryID]) async {
    if ids.isEmpty { return }
    let reason = "its sender was not answered in time, and sends it again"
    await gate.beside {
      guard let (key, lane) = try? await laneOrKey("\(name)") else { return }
      let change = { [self] (underWay: Set<DeliveryID>) async -> (count: Int, bytes: Int) in
        var taken = (count: 0, bytes: 0)
        var left = ids.filter { !underWay.contains($0) }[...]
        while !left.isEmpty {
          let step = Array(left.prefix(Self.cancelStepMax))
          left.removeFirst(step.count)
          let unit = Change.withdraw(lane: key, step, reason: reason, at: shared.clock.now().wall)
          guard let (count, bytes) = try? await shared.taking(unit) else { break }
          taken = (taken.count + count, taken.bytes + bytes)
        }
        return taken
      }
      if let lane { await lane.changing(change) } else { _ = await change([]) }
    }
  }

  private struct Cancelled {
    var count = 0
    var bytes = 0
    /// What ended it early.
    var failure: StoreError?

    var whole: Int {
      get throws {
        guard let failure else { return count }
        if count == 0 { throw failure }
        throw OperationError("\(count) were cancelled, and the others not: \(failure)")
      }
    }
  }

  private func cancel(
    _ lane: Int64, _ ids: [DeliveryID]?, except: Set<DeliveryID>, reason: String
  ) async -> Cancelled {
    let at = shared.clock.now().wall
    let through = store.mint()
    var cancelled = Cancelled()
    var left = ids.map { $0.filter { !except.contains($0) }[...] }
    while left?.isEmpty != true {
      let change: Change
      if let step = left?.prefix(Self.cancelStepMax) {
        left?.removeFirst(step.count)
        change = .cancelWaiting(lane: lane, Array(step), reason: reason, at: at)
      } else {
        change = .cancelAllWaiting(
          lane: lane, through: through, except: Array(except), countMax: Self.cancelStepMax, reason: reason, at: at)
      }
      do throws(StoreError) {
        let step = try await shared.taking(change)
        cancelled.count += step.count
        cancelled.bytes += step.bytes
        if left == nil, step.count < Self.cancelStepMax { break }
      } catch {
        cancelled.failure = error
        break
      }
    }
    return cancelled
  }

  /// The lane of this name with the store's key for it; without the lane where nothing sends from it, because the
  /// channel file doesn't name it any more, or there is no such file, or it has an error.
  private func laneOrKey(_ name: String) async throws -> (Int64, Lane?) {
    guard let parsed = LaneName(name) else { throw OperationError("\(name) is not CHANNEL/LANE") }
    if let lane = leaving.first(where: { $0.lane.name == parsed })?.lane { return (lane.key, lane) }
    if let lane = channel(parsed.channel.text)?.lanes.first(where: { $0.name == parsed }) { return (lane.key, lane) }
    try await check(DeliveryQuery(channel: parsed.channel.text, destination: parsed.destination, state: .waiting))
    guard let key = try await store.laneKey(parsed) else { throw OperationError("there is no lane \(name)") }
    return (key, nil)
  }
}
