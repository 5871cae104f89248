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
    if let key = try await strandedLane(name) {
      return try await cancel(key, ids, except: [], reason: reason).whole
    }
    let (_, lane) = try lane(name)
    var cancelled = Cancelled()
    await lane.changing { underWay in
      cancelled = await cancel(lane.key, ids, except: underWay, reason: reason)
      return (cancelled.count, cancelled.bytes)
    }
    return try cancelled.whole
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

  /// The key of a lane that the channel file doesn't name any more and that something waits in.
  private func strandedLane(_ name: String) async throws -> Int64? {
    guard let parsed = LaneName(name), let channel = channel(parsed.channel.text),
      !channel.lanes.contains(where: { $0.name == parsed }),
      let ledger = try await store.ledger().first(where: { $0.channel == parsed.channel.text }),
      ledger.lanes.contains(where: { $0.name == parsed.destination && $0.waiting > 0 })
    else { return nil }
    var registration = channel.definition.registration
    registration.lanes = [parsed.destination]
    return try await store.register(registration).lanes.first?.key
  }
}
