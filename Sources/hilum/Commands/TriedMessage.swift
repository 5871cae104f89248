import Definitions
import Engine
import Foundation
import HL7
import Hilt
import Messages
import Store

/// What `hilum try --json` says of one message, for an editor.
struct TriedMessage: Encodable {
  struct Emitted: Encodable {
    /// Left out: every destination whose `when` holds.
    var to: [String]?
    var meta: [String: String]
    /// It is the message as it came.
    var isInput: Bool
    /// Its segments, a line each.
    var lines: [String]
  }

  struct Note: Encodable {
    var line: Int
    var text: String
  }

  struct Traced: Encodable {
    var line: Int
    /// The turn of each loop around the line, the outermost first.
    var turns: [Int]
    var value: String
  }

  struct Delivery: Encodable {
    var destination: String
    /// Set where nothing is sent, with the reason.
    var dead: String?
  }

  var file: String
  var message: Int
  /// `routed`, `dropped`, `held`, `rejected` or `failed`; left out where the transform does not get the message.
  var outcome: String?
  var reason: String?
  /// The place in the message that it is about.
  var path: String?
  /// Of a failure: its code and line.
  var code: String?
  var line: Int?
  /// Why a channel would not give the message to the transform; left out where it would, or where one is tried.
  var refusal: String?
  var emitted: [Emitted] = []
  var notes: [Note] = []
  var trace: [Traced] = []
  var origins: [HiltOrigin] = []
  /// What the channel makes of it, where one is tried.
  var channel: String?
  var deliveries: [Delivery]?
  var isGood = true

  init(file: String, message: Int) {
    self.file = file
    self.message = message
  }

  private enum CodingKeys: String, CodingKey {
    case file, message, outcome, reason, path, code, line, refusal, emitted, notes, trace, origins, channel, deliveries
  }

  mutating func fail(_ reason: String) {
    (outcome, self.reason, isGood) = ("failed", reason, false)
  }

  mutating func take(
    _ result: HiltResult, _ program: HiltProgram, _ input: [UInt8], _ text: ([UInt8], Format) -> String
  ) {
    switch result.decision {
    case .routed: outcome = "routed"
    case .dropped(let reason): (outcome, self.reason) = ("dropped", reason)
    case .held(let reason): (outcome, self.reason) = ("held", reason)
    case .rejected(let refusal):
      (outcome, reason, path) = ("rejected", refusal.reason, refusal.path)
      code = refusal.shownCode
    case .done: outcome = "done"
    case .answered: outcome = "answered"
    case .retry(let reason): (outcome, self.reason) = ("retry", reason)
    case .dead(let reason): (outcome, self.reason) = ("dead", reason)
    case .failed(let failure):
      fail(failure.problem.message)
      (path, code, line) = (failure.path, failure.problem.code, failure.problem.place.line)
    }
    emitted = result.emitted.map { emitted in
      let bytes = emitted.made(of: input) ?? input
      return Emitted(
        to: emitted.destinations, meta: emitted.meta.compactMapValues(\.text), isInput: emitted.content == .input,
        lines: text(bytes, emitted.format).split(whereSeparator: \.isNewline).map(String.init))
    }
    notes = result.notes.map { Note(line: $0.place.line, text: $0.text) }
    trace = result.trace.map { Traced(line: $0.line, turns: $0.turns, value: $0.text) }
    origins = result.origins
  }

  mutating func take(_ decided: Decided, _ definition: ChannelDefinition) {
    channel = decided.reason.map { "\(decided.state.rawValue): \($0)" } ?? decided.state.rawValue
    deliveries = decided.deliveries.map {
      Delivery(destination: definition.destinations[$0.lane].name, dead: $0.dead)
    }
    isGood = isGood && decided.state != .failed && decided.deliveries.allSatisfy { $0.dead == nil }
  }
}
