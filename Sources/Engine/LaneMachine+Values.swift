package import Messages
package import Store

// What goes into a lane's machine and what comes out of it.

extension LaneMachine {
  package enum Action: Sendable {
    /// Hand it to the connector. `attempt` counts from 1; `followsOthers` where others are under way.
    case send(WaitingDelivery, attempt: Int, followsOthers: Bool)
    /// Make an attempt's end durable; answer with `finished`. `bytes` is what the store counts for the delivery.
    case finish(Attempt, bytes: Int)
    /// Read on in the store; answer with `refilled` or `refillFailed`.
    case refill(WaitingPart)
    /// Call `woken` after this many milliseconds, not before.
    case wake(after: Int64)
    /// After `letGo`, behind every `finish` that came before it: the store may be changed now, but for these
    /// deliveries, which are at the partner.
    case letGo(underWay: Set<DeliveryID>)
    /// Nothing is under way any more, after `stop`. Comes once.
    case stopped
  }

  /// How a send ended, as the lane sees it. `retryAfter` is in milliseconds.
  package enum End: Sendable {
    case taken(summary: String, reply: Payload?)
    case unreachable(reason: String, bytesSent: Bool, retryAfter: Int64?)
    case refused(reason: String, code: String?, forever: Bool, reply: Payload?, retryAfter: Int64?)
    /// Accepted, and the partner did not say in time what came of it.
    case unanswered(reason: String, code: String, reply: Payload?)
    case cancelled(reason: String, bytesSent: Bool)
    /// Another channel has it, and that is durable.
    case handedOn(summary: String)
    /// It was not tried, because one that went before it wasn't taken: it goes again in its turn.
    case notTried
    /// The store had ended it before.
    case gone
    /// The partner answered, and the reply transform said what that means. `summary` is the answer's code.
    case judged(Verdict, summary: String, reply: Payload)
  }

  /// What a reply transform made of an answer.
  package enum Verdict: Sendable {
    /// The partner has it; what follows goes to other lanes, in the same unit.
    /// `answer` goes to the sender who waits.
    case done(follows: Acceptance?, answer: Payload? = nil)
    case retry(reason: String)
    case dead(reason: String)
    case hold(reason: String)
    /// It came to no decision: the delivery is held or dead, as `refused: {then: …}` says. The partner may have it.
    case failed(reason: String)
  }

  /// The partner can't be reached, or doesn't answer.
  package struct Outage: Sendable, Equatable {
    package var reason: String
    /// How often in a row; several sends that fail with one connection count once.
    package var failures: Int
    /// When it was first, and last, seen to be away.
    package var since: Moment
    package var failed: Moment
    /// Nothing is tried before this moment of the steady clock.
    package var nextTry: Int64
  }

  /// A read of the store that is under way.
  struct Refill {
    /// The number that had been offered when it was asked for.
    var offered: Int64
    /// It shows what became of what was kept when the lane let go.
    var settles = false
    /// The parked key that it is about, and up to which number.
    var key: UInt64?
    var through: Int64 = 0
  }

  /// A delivery in memory.
  struct Entry {
    enum State {
      case queued, sending
      /// It is over, and only something in front of it keeps it here.
      case ended
      /// The store may have been changed under it: it counts again when the store still shows it.
      case released
    }
    var delivery: WaitingDelivery
    var state = State.queued
    var refusals = 0
    /// Connections lost in a row after bytes of this message were sent.
    var losses = 0
    /// Not before this moment of the steady clock.
    var due: Int64 = 0
    /// When it came into memory, on the steady clock.
    var since: Int64
    /// When it came into the lane, or a person sent it again, on the steady clock.
    var came: Int64
    /// How often the partner had failed when it was handed out; 0 where it was not known to be away.
    var failuresBefore = 0

    /// It isn't at the partner, and nothing is known of it that the store doesn't know.
    var isUntouched: Bool {
      state == .queued && (isHeld ? isHeldInStore : refusals == 0 && losses == 0)
    }

    /// It keeps its place until a person decides, and isn't sent.
    var isHeld: Bool { delivery.held != nil }
    /// The store knows that it is held.
    var isHeldInStore = false
  }
}

extension WaitingDelivery {
  /// What its payload takes in memory.
  var bytesInMemory: Int { payload.bytesInMemory }
}
