import DequeModule
import Messages
import Store

// How long a delivery has been in the lane.

extension LaneMachine {
  /// How long the oldest that waits has been in the lane, in milliseconds of the steady clock; `nil` where nothing is
  /// in memory. Never too great: what was read back from the store may be older than is known here.
  package func oldestFor(_ now: Moment) -> Int64? {
    entries.lazy.filter { $0.state != .ended }.map(\.came).min().map { max(0, now.steady - $0) }
  }

  /// When deliveries came into the lane, on the steady clock, in little memory: a sequence number is given when a
  /// delivery comes, or when a person sends it again, so what stands behind a number came after it.
  ///
  /// By its id alone a dead letter that is tried again would be as old as its message, and a wall clock that was set
  /// forward would make everything old at once.
  struct Arrivals: Sendable {
    /// What stands behind `after` came at `at` or later.
    private struct Mark {
      var after: Int64
      var at: Int64
    }
    private var marks: Deque<Mark> = []
    private let spacing: Int64
    /// When this engine began with the lane, and the last number that was there already.
    private var begun: Moment?
    private let lastBefore: Int64

    /// - Parameter limit: the age that matters, in milliseconds, four hours where none does but to a person; ages are
    ///   exact to a sixty-fourth of it, and never too great.
    init(limit: Int64?, lastBefore: Int64) {
      spacing = max(1, (limit ?? 4 * 3_600_000) / 64)
      self.lastBefore = lastBefore
    }

    mutating func begin(_ now: Moment) { if begun == nil { begun = now } }

    /// Something comes in behind `last`.
    ///
    /// - Parameter isAgain: a person sent it: its number is not known, and it begins at this moment.
    mutating func note(behind last: Int64, isAgain: Bool = false, _ now: Moment) {
      if let newest = marks.last {
        if isAgain, newest.after >= last {
          marks[marks.count - 1].at = now.steady
          return
        }
        guard isAgain || now.steady - newest.at >= spacing, newest.after < last else { return }
      }
      marks.append(Mark(after: last, at: now.steady))
      // What is older than the first of these is taken for younger than it is: it waits longer, which loses nothing.
      if marks.count > 256 { marks.removeFirst() }
    }

    /// When it came, on the steady clock.
    func start(of delivery: WaitingDelivery, _ now: Moment) -> Int64 {
      guard delivery.sequence > lastBefore else {
        // It was there when the engine came up: only the wall clock of that moment tells how long.
        let begun = begun ?? now
        let age = begun.wall.subtractingReportingOverflow(delivery.id.milliseconds)
        return begun.steady - max(0, age.overflow ? 0 : age.partialValue)
      }
      guard let first = marks.first else { return now.steady }
      if delivery.sequence <= first.after { return first.at }
      var low = 0
      var high = marks.count
      while high - low > 1 {
        let middle = (low + high) / 2
        if marks[middle].after < delivery.sequence { low = middle } else { high = middle }
      }
      return min(now.steady, marks[low].at + spacing)
    }
  }
}
