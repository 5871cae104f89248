import Glibc
import Messages

/// What the writer does. Units are values: what shall be true, and whom to tell.
enum Unit {
  case accept(PreparedAcceptance, @Sendable (AcceptResult) -> Void)
  /// An arrival that wasn't even prepared (a full disk, a full queue); it is answered in its turn.
  case refuse(String, OriginGate?, @Sendable (AcceptResult) -> Void)
  case finish(PreparedAttempt, @Sendable (UnitResult) -> Void)
  /// The ends of deliveries and the arrival in the channel that takes them as one message.
  case handOver([PreparedAttempt], PreparedAcceptance, @Sendable (AcceptResult) -> Void)
  case change(Change, @Sendable (UnitResult) -> Void)
  /// Answers `unavailable` in its turn: its preparation failed.
  case refuseFinish(DeliveryID, String, @Sendable (UnitResult) -> Void)
  /// Work with transactions of its own, between groups.
  case task(WriterTask)

  var isTask: Bool { if case .task = self { true } else { false } }
}

enum WriterTask {
  case register(ChannelRegistration, @Sendable (Result<ChannelKeys, StoreError>) -> Void)
  case prune([Int64: Retention], now: Int64, rowsMax: Int, @Sendable (Result<Bool, StoreError>) -> Void)
  case rotate(to: StoreSettings.MasterKey, @Sendable (Result<Void, StoreError>) -> Void)
  /// Copies the file, a little between the groups, into a file that isn't there yet.
  case copy(to: String, @Sendable (Result<Int64, StoreError>) -> Void)
  /// Nobody needs the blobs any more that a copy knows.
  case letTrashGo
  case emptyTrash
  /// A reader found that the file can't be trusted.
  case lose(SQLiteFailure)
  /// Looks at what only the writer's connection can tell, as its pragmas.
  case inspect(@Sendable (Connection) -> Void)
  /// Everything before it is durable.
  case barrier(@Sendable () -> Void)
  /// Ends the writer; `orderly` false as if the process had been killed.
  case close(orderly: Bool, @Sendable () -> Void)
}

/// What waits for the writer, first in, first out.
///
/// A `delivered` doesn't wake the writer by itself: it rides on the next group, or goes when it has waited for
/// `rideNanoseconds`.
final class UnitQueue: @unchecked Sendable {
  /// How long it took the writer to commit what it took from here.
  let commits = CommitClock()
  private let monitor = Monitor()
  private var units: [(unit: Unit, weight: Int, rides: Bool)] = []
  private var head = 0
  private var weight = 0
  private var eager = 0
  /// When the oldest of those that ride came.
  private var ridesSince: UInt64 = 0
  private var isWaiting = false
  private var isClosed = false
  private let rideNanoseconds: UInt64
  private let unitsMax: Int
  private let bytesMax: Int
  private let groupMax: Int

  init(settings: StoreSettings) {
    rideNanoseconds = UInt64(max(0, settings.rideMilliseconds)) * 1_000_000
    unitsMax = settings.queueUnitsMax
    bytesMax = settings.queueBytesMax
    groupMax = max(1, settings.groupUnitsMax)
  }

  /// How many units wait in all that the queue is full for arrivals.
  var isFull: Bool { monitor.locked { units.count - head >= unitsMax || weight >= bytesMax } }

  /// Returns `false` where the store is closed: the unit was not taken.
  func push(_ unit: Unit, weight: Int = 0, rides: Bool = false) -> Bool {
    push(unit, weight: weight, rides: rides, isLast: false)
  }

  /// The last unit: after it nothing is taken any more. Returns `false` where it was closed before.
  func close(_ unit: Unit) -> Bool { push(unit, weight: 0, rides: false, isLast: true) }

  private func push(_ unit: Unit, weight: Int, rides: Bool, isLast: Bool) -> Bool {
    let (isTaken, signals) = monitor.locked {
      if isClosed { return (false, false) }
      if rides, ridesSince == 0 { ridesSince = nanoseconds(CLOCK_MONOTONIC) }
      if !rides { eager += 1 }
      self.weight += weight
      units.append((unit, weight, rides))
      isClosed = isLast
      defer { isWaiting = false }
      return (true, isWaiting)
    }
    // Outside, so that the writer doesn't wake only to wait for the lock.
    if signals { monitor.signal() }
    return isTaken
  }

  /// The next group, or an empty one at `deadline` (of the system's monotonic clock).
  ///
  /// - Parameter arrivalsMax: how many units that don't ride it holds at most.
  func next(deadline: UInt64, arrivalsMax: Int) -> [Unit] {
    monitor.locked {
      while true {
        let now = nanoseconds(CLOCK_MONOTONIC)
        let waiting = units.count - head
        let ridesNoLonger = waiting > 0 && now >= ridesSince &+ rideNanoseconds
        if eager > 0 || waiting >= groupMax || ridesNoLonger { return take(arrivalsMax) }
        if now >= deadline { return [] }
        isWaiting = true
        _ = monitor.wait(until: waiting > 0 ? min(deadline, ridesSince &+ rideNanoseconds) : deadline)
        isWaiting = false
      }
    }
  }

  /// At most `arrivalsMax` units that don't ride, and what rides between them; a task comes alone.
  private func take(_ arrivalsMax: Int) -> [Unit] {
    var group: [Unit] = []
    group.reserveCapacity(2 * groupMax)
    var taken = 0
    while head < units.count, group.count < 4 * arrivalsMax {
      let next = units[head]
      if next.unit.isTask, !group.isEmpty { break }
      if !next.rides {
        if taken == arrivalsMax { break }
        taken += 1
        eager -= 1
      }
      head += 1
      weight -= next.weight
      group.append(next.unit)
      if next.unit.isTask { break }
    }
    if head == units.count {
      units.removeAll(keepingCapacity: units.capacity <= 4_096)
      head = 0
      ridesSince = 0
    } else {
      if head >= 256, head * 2 >= units.count {
        units.removeFirst(head)
        head = 0
      }
      if ridesSince != 0 { ridesSince = nanoseconds(CLOCK_MONOTONIC) }
    }
    return group
  }
}
