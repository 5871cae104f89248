import ConnectorKit
import Definitions
import Dispatch
import HL7
import Hilt
import Messages
import Store
import Synchronization
import Text

// What comes as a batch: each of its parts is a message of its own, and the sender gets one answer.

extension ChannelRuntime {
  /// More parts are refused: all are run before the first is stored.
  static let batchPartsMax = 100_000
  /// So many are handed to the store before it has answered: between them everybody else has a turn.
  private static let batchStepMax = 64

  private struct Part {
    let arrival: Arrival
    let id: MessageID
    let decided: Decided
  }

  /// Runs every part, and makes them durable in order where none of them is rejected; otherwise the batch is kept as
  /// one rejected message, and nothing of it is processed.
  ///
  /// It blocks until the store has answered. Killed in between, the batch comes again, and what was kept of it is known
  /// by its transport's identity.
  ///
  /// - Parameter version: which it has entered; it has left when this returns.
  func takeBatch(
    _ arrival: Arrival, _ rule: BatchRule, _ version: ChannelVersion, gate: OriginGate
  ) -> Receipt {
    defer { passage.leave() }
    let receivedAt = shared.clock.now().wall
    guard case .bytes(let bytes) = arrival.payload.content else {
      return .unavailable(reason: "the content of the batch is not at hand")
    }
    let contents: [[UInt8]]
    do throws(Rejection) {
      contents = try Self.contents(bytes, rule, version)
    } catch {
      return reject(arrival, error, version, gate, at: receivedAt)
    }
    let id = Self.batchID(bytes)
    var parts: [Part] = []
    for (index, content) in contents.enumerated() {
      let part = Self.part(arrival, content, id, number: index + 1, of: contents.count, version.definition.format)
      let own = store.mint()
      let decided = decide(part.payload, part.attributes, version, id: own, receivedAt: receivedAt)
      if decided.state == .rejected {
        var rejection = decided.rejection ?? Rejection(.reject, 207, "not accepted")
        rejection.text = "part \(index + 1) of \(contents.count): \(rejection.text)"
        return reject(arrival, rejection, version, gate, at: receivedAt)
      }
      parts.append(Part(arrival: part, id: own, decided: decided))
    }
    return keep(parts, version, gate, at: receivedAt)
  }

  // MARK: Parts

  /// The bytes of each part.
  private static func contents(
    _ bytes: [UInt8], _ rule: BatchRule, _ version: ChannelVersion
  ) throws(Rejection) -> [[UInt8]] {
    let contents: [[UInt8]]
    switch rule {
    case .records: contents = records(bytes, version.definition)
    case .elements(let path): contents = try elements(bytes, path)
    case .segments(let code, let program): contents = try groups(bytes, code, program, version.pipeline)
    }
    guard (1...batchPartsMax).contains(contents.count) else {
      throw Rejection(
        .error, 207, contents.isEmpty ? "there is no record in it" : "it has \(contents.count) parts, which is too many"
      )
    }
    return contents
  }

  /// One part for each group that holds the segment; where there is one or none, or the bytes are no message, they are
  /// left as they came.
  private static func groups(
    _ bytes: [UInt8], _ code: HL7SegmentCode, _ program: HiltProgram, _ pipeline: Pipeline
  ) throws(Rejection) -> [[UInt8]] {
    guard let message = try? HL7Message(bytes, pipeline.reading) else { return [bytes] }
    let result = program.run(HiltInput(message, limits: pipeline.limits))
    if case .failed(let failure) = result.decision {
      throw Rejection(.error, 207, "it can't be split by \(code): \(failure.problem.message)")
    }
    let parts = result.emitted.compactMap { if case .bytes(let part) = $0.content { part } else { nil } }
    return parts.count > 1 && parts.count == result.emitted.count ? parts : [bytes]
  }

  /// A document of each element that is found, with the namespaces that hold there.
  private static func elements(_ bytes: [UInt8], _ path: ElementPath) throws(Rejection) -> [[UInt8]] {
    let found: XPath.Value
    do {
      // The source has its own limit of size.
      let root = try XMLDocument(bytes, limits: XMLLimits(byteCountMax: bytes.count)).root
      found = try path.xpath.evaluate(at: root, nodeCountMax: 10_000_000)
    } catch let error as XMLError {
      throw Rejection(.error, 207, "it can't be split: \(error)")
    } catch {
      throw Rejection(.error, 207, "it can't be split: \(path.text) looks at too much of it")
    }
    guard case .items(let items) = found, !items.isEmpty else {
      throw Rejection(.error, 207, "there is nothing in it at \(path.text)")
    }
    var last: XMLNode?
    var contents: [[UInt8]] = []
    for item in items {
      guard case .node(let node) = item, node.name != nil else {
        throw Rejection(.error, 207, "it can't be split: not all that stands at \(path.text) are elements")
      }
      // What stands in another part would come twice.
      if let last, last.holds(node) {
        throw Rejection(
          .error, 207, "it can't be split: what line \(node.line) has at \(path.text) stands in another such element")
      }
      last = node
      var writer = XMLWriter()
      writer.node(node)
      contents.append(writer.bytes)
    }
    return contents
  }

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
      var rejection = Rejection(.reject, 205, "part \(number): \(Pipeline.conflict); the others were taken")
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
