package import ConnectorKit
import Messages
import Store
import Synchronization

/// A lane as an operator sees it.
package struct LaneStatus: Sendable, Codable, Equatable {
  package var name: String
  package var waiting: Int
  package var waitingBytes: Int
  package var paused: Bool
  /// Nothing is sent until a person releases the store, or this lane of it (`hilum release`).
  package var awaitsRelease = false
  /// `AA`, `AE`, `written as …`; `nil` before the first.
  package var lastAnswer: String?
  package var lastAnswerAt: Int64?
  /// Why the partner can't be reached; `nil` where nothing waits, because nothing is tried then.
  package var unreachable: String?
  package var failures: Int
  /// Milliseconds until the next try.
  package var nextTryIn: Int64?
  /// Deliveries that rest until their next try, and what the partner last refused one with.
  package var resting: Int = 0
  package var lastRefusal: String?
  /// Keys of which messages wait behind such ones, in a lane that orders by key.
  package var keysWaiting: Int = 0
  /// Why the last send failed, and when, where none has succeeded since.
  package var lastFailure: String?
  package var lastFailureAt: Int64?
  /// Deliveries that were given up and wait for a person; `nil` where the store could not be read.
  package var dead: Int?
  /// For how many milliseconds the oldest that waits has been in the lane; `nil` where nothing waits.
  package var oldestFor: Int64?
  /// For how many milliseconds the partner has not been reached; `nil` where it was, or nothing waits.
  package var downFor: Int64?
  /// Deliveries that keep their places in the lane until a person decides, and places that failed messages keep; `nil`
  /// where the store could not be read.
  package var held: Int?
  package var places: Int?
  /// Of a lane of questions, since it began; `nil` where it delivers.
  package var questions: Questions?

  package struct Questions: Sendable, Codable, Equatable {
    package var answered: Int
    package var unanswered: Int
    /// How long the partner takes to answer, smoothed over the last few.
    package var milliseconds: Int?
  }
  /// Of a lane in which messages are gathered; `nil` where each goes by itself.
  package var gathering: Gathering?

  package struct Gathering: Sendable, Codable, Equatable {
    /// What waits becomes so many messages.
    package var groups: Int
    /// In how many milliseconds the next is closed; `nil` where none waits for a time.
    package var nextIn: Int64?
  }
  /// Senders that wait for the partner's verdict; `nil` where none does.
  package var sendersWaiting: Int?
  /// How many messages the partner has accepted (CA) without having told what came of them, and until when the first of
  /// them is waited for, in milliseconds since 1970; `nil` where there are none.
  package var accepted: Accepted?

  package struct Accepted: Sendable, Codable, Equatable {
    package var count: Int
    package var until: Int64
  }
  /// The partner that connects to this lane; `nil` where the lane connects.
  package var partner: DestinationStatus?
  /// What the lane stands at, where it does: the first of those.
  package var standsAt: Standing?

  /// The first in a lane that is held.
  package struct Standing: Sendable, Codable, Equatable {
    package var delivery: String
    package var message: String
    /// A failed message keeps the place; otherwise a delivery is held.
    package var isPlace: Bool
    /// May hold what the partner wrote.
    package var reason: String
  }
}

extension Lane {
  /// A question was answered after this long.
  func noteTime(since asked: Int64, _ result: Result<Reply, DeliveryError>) {
    if case .failure(let failure) = result, failure.reply == nil { return }
    let taken = Double(clock.now().steady - asked)
    state.withLock { state in
      guard state.machine.policy.question != nil else { return }
      state.answerTime = state.answerTime.map { (7 * $0 + taken) / 8 } ?? taken
    }
  }

  package var waiting: (count: Int, bytes: Int) {
    (max(0, backlog.load(ordering: .relaxed)), max(0, backlogBytes.load(ordering: .relaxed)))
  }

  package func status() -> LaneStatus {
    let now = clock.now()
    let waiting = self.waiting
    let senders = sendersWaiting
    let partner = self.partner
    let accepted = self.accepted
    var status = state.withLock { state in
      let outage = state.machine.outage
      let resting = state.machine.resting(now)
      var status = LaneStatus(
        name: name.destination, waiting: waiting.count, waitingBytes: waiting.bytes,
        paused: state.holders.contains(.lane),
        lastAnswer: state.machine.lastAnswer?.summary, lastAnswerAt: state.machine.lastAnswer?.at,
        unreachable: waiting.count > 0 ? outage?.reason : nil, failures: outage?.failures ?? 0,
        nextTryIn: waiting.count > 0 && state.holders.isEmpty
          ? state.machine.nextTry.map { max(0, $0 - now.steady) } : nil,
        lastFailure: outage?.reason, lastFailureAt: outage?.failed.wall)
      status.awaitsRelease = state.holders.contains(.store)
      (status.resting, status.keysWaiting) = resting
      if state.machine.policy.question != nil {
        status.questions = LaneStatus.Questions(
          answered: state.machine.answeredCount, unanswered: state.machine.unansweredCount,
          milliseconds: state.answerTime.map { Int($0.rounded()) })
      }
      if senders > 0 { status.sendersWaiting = senders }
      status.partner = partner
      status.accepted = accepted.map(\.until).min().map { LaneStatus.Accepted(count: accepted.count, until: $0) }
      if let (first, _) = state.machine.heldFirst, let held = first.held {
        status.standsAt = LaneStatus.Standing(
          delivery: first.id.description, message: first.message.description, isPlace: held.kind == .place,
          reason: held.reason)
      }
      if resting.deliveries > 0 { status.lastRefusal = state.machine.lastRefusal }
      if waiting.count > 0 {
        status.oldestFor = state.machine.oldestFor(now)
        status.downFor = outage.map { max(0, now.steady - $0.since.steady) }
      }
      return status
    }
    gatherer?.add(to: &status, isHeld: holdsGathering)
    return status
  }
}
