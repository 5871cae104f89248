import ConnectorKit
import Definitions
import Dispatch
import Hilt
import Messages
import Store
import Synchronization
import Text

// What comes as a batch of records: each is a message of its own, and the sender gets one answer.

extension ChannelRuntime {
  /// More records are refused: all are run before the first is stored.
  static let batchRecordsMax = 100_000
  /// So many are handed to the store before it has answered: between them everybody else has a turn.
  private static let batchStepMax = 64

  private struct Part {
    let arrival: Arrival
    let id: MessageID
    let decided: Decided
  }

  /// Runs every record, and makes them durable in order where none of them is rejected; otherwise the batch is kept as
  /// one rejected message, and nothing of it is processed.
  ///
  /// It blocks until the store has answered. Killed in between, the batch comes again, and what was kept of it is known
  /// by its transport's identity.
  ///
  /// - Parameter version: which it has entered; it has left when this returns.
  func takeBatch(_ arrival: Arrival, _ version: ChannelVersion, gate: OriginGate) -> Receipt {
    defer { passage.leave() }
    let receivedAt = shared.clock.now().wall
    guard case .bytes(let bytes) = arrival.payload.content else {
      return .unavailable(reason: "the content of the batch is not at hand")
    }
    let records = Self.records(bytes, version.definition)
    guard (1...Self.batchRecordsMax).contains(records.count) else {
      let text = records.isEmpty ? "there is no record in it" : "it has \(records.count) records"
      return reject(arrival, Rejection(.error, 207, text), version, gate, at: receivedAt)
    }
    let id = Self.batchID(bytes)
    var parts: [Part] = []
    for (index, record) in records.enumerated() {
      let part = Self.part(arrival, record, id, number: index + 1, of: records.count, version.definition.format)
      let own = store.mint()
      let decided = decide(part.payload, part.attributes, version, id: own, receivedAt: receivedAt)
      if decided.state == .rejected {
        var rejection = decided.rejection ?? Rejection(.reject, 207, "not accepted")
        rejection.text = "record \(index + 1) of \(records.count): \(rejection.text)"
        return reject(arrival, rejection, version, gate, at: receivedAt)
      }
      parts.append(Part(arrival: part, id: own, decided: decided))
    }
    return keep(parts, version, gate, at: receivedAt)
  }

  // MARK: Parts

  /// The bytes of each record, with the header's before them.
  private static func records(_ bytes: [UInt8], _ definition: ChannelDefinition) -> [[UInt8]] {
    let isDelimited = definition.format == .delimited
    let layout = definition.transform?.input.delimited
    var ranges = DelimitedRecords.ranges(
      in: bytes, separator: isDelimited ? layout?.separator ?? UInt8(ascii: ",") : nil)[...]
    var header: [UInt8] = []
    if layout?.hasHeader == true, let first = ranges.popFirst() { header = bytes[first] + [0x0D, 0x0A] }
    return ranges.map { header + bytes[$0] }
  }

  /// The same for the same bytes: what was kept before a crash and what comes after it are of one batch.
  private static func batchID(_ bytes: [UInt8]) -> String {
    let digits = String(Strikes.mark(bytes), radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }

  private static func part(
    _ arrival: Arrival, _ bytes: [UInt8], _ id: String, number: Int, of count: Int, _ format: Format
  ) -> Arrival {
    var part = arrival
    part.payload = Payload(format, bytes)
    part.attributes["batch"] = .record([
      "id": .text(id), "number": .integer(Int64(number)), "count": .integer(Int64(count)),
    ])
    part.transportKey = arrival.transportKey.map { "\($0):\(number)" }
    if number < count { part.progress = nil }
    return part
  }

  // MARK: The store

  /// Hands the parts over in order, some at a time, and waits for the last.
  private func keep(
    _ parts: [Part], _ version: ChannelVersion, _ gate: OriginGate, at receivedAt: Int64
  ) -> Receipt {
    let tally = Mutex(BatchTally())
    let room = DispatchSemaphore(value: Self.batchStepMax)
    let all = DispatchGroup()
    for part in parts {
      room.wait()
      // Those behind one that wasn't taken would not be either.
      if gate.isBroken {
        room.signal()
        break
      }
      meter.arrived()
      var acceptance = self.acceptance(
        part.decided, version, id: part.id, part.arrival.payload, part.arrival.attributes, receivedAt: receivedAt)
      acceptance.duplicateKey = part.decided.duplicateKey
      acceptance.transportKey = part.arrival.transportKey
      acceptance.progress = part.arrival.progress.map { ($0.key, $0.value) }
      acceptance.gate = gate
      passage.enterBeside()
      all.enter()
      let number = part.arrival.attributes["batch"]?["number"]?.text ?? ""
      submit(acceptance, part.decided, version) { result in
        tally.withLock { $0.note(result, part.id, number) }
        room.signal()
        all.leave()
      }
    }
    all.wait()
    return tally.withLock { $0.receipt(of: parts.count) }
  }

  private func reject(
    _ arrival: Arrival, _ rejection: Rejection, _ version: ChannelVersion, _ gate: OriginGate, at receivedAt: Int64
  ) -> Receipt {
    meter.arrived()
    let id = store.mint()
    let decided = Decided(rejection)
    var payload = arrival.payload
    payload.format = version.definition.format
    var acceptance = self.acceptance(
      decided, version, id: id, payload, arrival.attributes, receivedAt: receivedAt)
    acceptance.progress = arrival.progress.map { ($0.key, $0.value) }
    acceptance.gate = gate
    passage.enterBeside()
    let done = DispatchSemaphore(value: 0)
    let receipt = Mutex(Receipt.unavailable(reason: ""))
    submit(acceptance, decided, version) { result in
      var kept = rejection
      kept.message = id
      receipt.withLock {
        $0 = if case .unavailable(let reason) = result { .unavailable(reason: reason) } else { .rejected(kept) }
      }
      done.signal()
    }
    done.wait()
    return receipt.withLock { $0 }
  }
}

/// What the store said of the parts of a batch.
private struct BatchTally: Sendable {
  var accepted = 0
  var duplicates = 0
  var first: MessageID?
  var firstDuplicate: MessageID?
  var conflict: Rejection?
  var unavailable: String?

  mutating func note(_ result: AcceptResult, _ id: MessageID, _ number: String) {
    switch result {
    case .accepted:
      accepted += 1
      first = first ?? id
    case .duplicate(let original), .awaited(let original, _):
      duplicates += 1
      firstDuplicate = firstDuplicate ?? original
    case .conflict:
      var rejection = Rejection(.reject, 205, "record \(number): \(Pipeline.conflict); the others were taken")
      rejection.message = id
      conflict = conflict ?? rejection
    case .stale: unavailable = unavailable ?? "a message changed while it was stored"
    case .unavailable(let reason): unavailable = unavailable ?? reason
    }
  }

  /// One answer: good only where everything is durable.
  func receipt(of count: Int) -> Receipt {
    if let unavailable { return .unavailable(reason: unavailable) }
    if let conflict { return .rejected(conflict) }
    if let first { return .accepted(first, reply: nil) }
    if let firstDuplicate, duplicates == count { return .duplicate(of: firstDuplicate) }
    return .unavailable(reason: "not all of the batch was stored")
  }
}
