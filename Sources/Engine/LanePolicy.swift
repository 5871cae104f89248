/// How a lane tries again, how far it sends ahead and what it may hold in memory. Comes from the lane's newest
/// revision.
package struct LanePolicy: Sendable, Equatable {
  /// While the partner can't be reached or doesn't answer.
  package struct Retry: Sendable, Equatable {
    package var firstMilliseconds: Int64 = 1000
    package var factor: Double = 2
    package var longestMilliseconds: Int64 = 300_000
    /// A delay is drawn from 0 up to the computed one, so that many lanes don't come back at the same instant.
    package var jitter = true
    /// After this long without the partner its messages become dead letters; `nil` waits for ever.
    package var forMilliseconds: Int64?

    package init() {}

    /// Milliseconds to wait; at least one, so that a partner that refuses at once isn't asked in a circle.
    ///
    /// - Parameters:
    ///   - failures: how often it failed in a row, from 1.
    ///   - draw: a number from 0 up to 1.
    package func delay(failures: Int, draw: Double) -> Int64 {
      var delay = Double(firstMilliseconds)
      let longest = Double(longestMilliseconds)
      var step = 1
      while step < failures, delay < longest, factor > 1 {
        delay *= factor
        step += 1
      }
      delay = min(delay, longest)
      return max(1, Int64(jitter ? delay * draw : delay))
    }
  }

  /// An answer that refuses the message: tries again this many times, by code. A code that isn't here counts as `AE`
  /// when the connector says that it could be taken later, and as `AR` when it says that it never will.
  package var refused: [String: Int] = ["AE": 3, "AR": 0]
  /// What was refused too often keeps its place until a person decides; otherwise it is dead.
  package var holdsRefused = false
  package var retry = Retry()
  /// Sends that may be under way at once: how far, from the oldest that isn't over, the lane sends ahead.
  package var window = 1
  /// What may go past what; `nil` is strict: first in, first out.
  package var order: KeyOrder.Rule?
  /// Sends that may be under way at once where the lane isn't strict.
  package var inFlight = 8
  /// Finished deliveries that may be not yet durable: after a crash these, and no others, go twice.
  package var unconfirmedMax = 32
  /// Deliveries and bytes held in memory; the rest waits in the store.
  package var heldCountMax = 512
  package var heldBytesMax = 4 << 20

  /// Senders wait for what becomes of its deliveries.
  package var isAwaited = false

  /// What goes there is asked once; `nil` where it is delivered.
  package var question: Question?

  package struct Question: Sendable, Equatable {
    /// Its sender waits for the answer, and asks again; otherwise a person decides.
    package var isAsked: Bool
  }

  package init() {}

  /// The longest delay between two tries: a year, in milliseconds.
  private static let delayMax: Int64 = 365 * 86_400_000

  /// The policy with every number brought to where a lane can work: no window of 0, no delay that overflows a clock.
  var workable: LanePolicy {
    var policy = self
    policy.window = max(1, window)
    policy.inFlight = max(1, inFlight)
    policy.unconfirmedMax = max(1, unconfirmedMax)
    policy.heldCountMax = max(1, heldCountMax)
    policy.heldBytesMax = max(1, heldBytesMax)
    policy.retry.longestMilliseconds = min(max(1, retry.longestMilliseconds), Self.delayMax)
    policy.retry.firstMilliseconds = min(max(1, retry.firstMilliseconds), policy.retry.longestMilliseconds)
    policy.retry.factor = retry.factor.isFinite ? max(1, retry.factor) : 2
    return policy
  }
}
