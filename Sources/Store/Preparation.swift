import Messages

/// An arrival as the writer wants it: hashed, sealed and encoded by its caller, so that the writer only inserts.
final class PreparedAcceptance: Sendable {
  struct Output: Sendable {
    var id: Identifier
    var format: Format
    var size: Int
    /// `nil` where the sealed bytes vouch for themselves.
    var sha: Slab.Piece?
    /// Its own, or the one that `data` changes.
    var blob: BlobReference?
    var ownsBlob = true
    var data: Slab.Piece?
  }
  struct Delivery: Sendable {
    var id: DeliveryID
    var lane: Int64
    var output: Int64?
    var size: Int
    var rendered: [UInt8]?
    /// The sequences of which it gets a number.
    var numberings: [String] = []
    /// The sealed reason of one that is dead from the start.
    var dead: [UInt8]?
    var orderKeys: [UInt8]?
  }
  let id: MessageID
  let channel: Int64
  let revision: Int64
  let receivedAt: Int64
  let state: MessageState
  let format: Format
  let size: Int
  /// The bytes of the pieces below.
  let slab: Slab
  let sha: Slab.Piece
  let raw: Slab.Piece?
  let blob: BlobReference?
  let sealed: Bool
  /// For the rare case that the writer has something to add; `record` is this, sealed.
  let content: RecordContent
  let record: Slab.Piece
  /// What is looked for; what is kept of it stands in `keysKept`.
  let keys: MessageKeys
  let keysKept: Slab.Piece?
  let withinMilliseconds: Int64
  let othersRejected: String?
  let outputs: [Output]
  let deliveries: [Delivery]
  let deliveryList: Slab.Piece?
  /// Each with its sealed reason.
  let places: [(id: DeliveryID, lane: Int64, reason: [UInt8])]
  let progress: (key: [UInt8], value: [UInt8])?
  let standIns: [PreparedStandIn]
  let replaces: Set<MessageState>
  let gate: OriginGate?
  let awaits: Int64?

  init(_ arrival: Acceptance, with preparer: Preparer) throws(StoreError) {
    id = arrival.id
    channel = arrival.channel
    revision = arrival.revision
    receivedAt = arrival.receivedAt
    state = arrival.state
    format = arrival.payload.format
    size = arrival.payload.byteCount
    replaces = arrival.replaces
    gate = arrival.gate
    awaits = arrival.awaits
    let sealed = preparer.registry.isSealed(channel: arrival.channel)
    self.sealed = sealed
    var slab = Slab(reserving: preparer.room(arrival))
    let input = try preparer.input(arrival, sealed: sealed, into: &slab)
    sha = input.sha
    raw = input.raw
    blob = input.blob

    content = RecordContent(
      attributes: arrival.attributes, reason: arrival.reason, columns: arrival.columns.map { ($0.key, $0.text) },
      steps: arrival.steps, passedBy: arrival.passedBy)
    record = preparer.sealer.seal(
      content.encoded, sealed: sealed, owner: arrival.channel, id: arrival.id, kind: .record, into: &slab)
    keys = preparer.keys(arrival)
    var kept = keys
    if arrival.state == .rejected {
      // The resend of what was rejected is processed: its keys are not remembered.
      kept.duplicate = nil
      kept.transport = nil
    }
    keysKept = kept.isEmpty ? nil : slab.append(kept.encoded)
    withinMilliseconds = arrival.duplicateKey?.withinMilliseconds ?? 0
    othersRejected = arrival.state == .rejected ? nil : arrival.duplicateKey?.othersRejected

    let made = try preparer.outputs(arrival, sealed: sealed, into: &slab)
    outputs = made.compactMap { $0 }
    deliveries = preparer.deliveries(arrival, outputs: made, sealed: sealed)
    deliveryList = deliveries.isEmpty ? nil : slab.append(DeliveryList.encode(deliveries.map(\.id.key)))
    places = preparer.places(arrival, sealed: sealed)
    progress = arrival.progress.map { preparer.progress($0.key, $0.value, of: arrival.channel, sealed: sealed) }
    standIns = arrival.standIns.map { preparer.standIn($0, of: arrival.channel, sealed: sealed) }
    self.slab = slab
    for blob in blobs { try preparer.syncs.settle(blob.id) }
  }

  /// About how much memory it holds while it waits for the writer.
  var weight: Int { 512 + slab.bytes.count + standIns.reduce(0) { $0 + $1.content.count + 64 } }

  /// Files that nobody owns when this arrival isn't stored.
  var blobs: [BlobReference] { (blob.map { [$0] } ?? []) + outputs.compactMap { $0.ownsBlob ? $0.blob : nil } }
}

/// The end of an attempt as the writer wants it.
final class PreparedAttempt: Sendable {
  let attempt: Attempt
  let state: DeliveryState
  let dueAt: Int64
  let delay: Int64
  let slab: Slab
  let result: Slab.Piece
  let replyBlob: BlobReference?
  let follows: PreparedAcceptance?

  init(_ attempt: Attempt, with preparer: Preparer) throws(StoreError) {
    self.attempt = attempt
    let summary: String
    let reply: Payload?
    switch attempt.end {
    case .delivered(let text, let answer):
      (state, dueAt, delay, summary, reply) = (.delivered, 0, 0, text, answer)
    case .waits(let due, let wait, let reason, let answer):
      (state, dueAt, delay, summary, reply) = (.waiting, due, wait, reason, answer)
    case .dead(let reason, let answer):
      (state, dueAt, delay, summary, reply) = (.dead, 0, 0, reason, answer)
    case .held(let reason, let answer):
      (state, dueAt, delay, summary, reply) = (.held, 0, 0, reason, answer)
    case .withdrawn(let reason, let answer):
      (state, dueAt, delay, summary, reply) = (.cancelled, 0, 0, reason, answer)
    }
    let sealed = preparer.registry.isSealed(lane: attempt.lane)
    var content = ResultContent(summary: summary, reply: .none)
    content.answer = attempt.answer
    if case .withdrawn = attempt.end { content.isWithdrawn = true }
    if case .dead = attempt.end { (content.isPassing, content.isAwaited) = (attempt.isPassing, attempt.isAwaited) }
    var blob: BlobReference?
    if let reply {
      switch reply.content {
      case .blob(let staged):
        blob = staged
        content.reply = .blob(reply.format, staged)
      case .patched: throw StoreError(.refused, "an answer can't be a change of another content")
      case .bytes(let bytes) where bytes.count >= preparer.settings.blobBytesMin:
        let written = try preparer.blobs.write(bytes, id: preparer.mint(), sealed: sealed)
        blob = written
        content.reply = .blob(reply.format, written)
      case .bytes(let bytes): content.reply = .bytes(reply.format, bytes)
      }
    }
    replyBlob = blob
    follows = try attempt.follows.map { follows throws(StoreError) in try PreparedAcceptance(follows, with: preparer) }
    let plain = content.encoded
    var slab = Slab(reserving: plain.count + 32)
    result = preparer.sealer.seal(
      plain, sealed: sealed, owner: attempt.lane, id: attempt.delivery, kind: .result, into: &slab)
    self.slab = slab
    if let blob { try preparer.syncs.settle(blob.id) }
  }
}

/// Makes units of what callers hand over, on their threads.
struct Preparer: Sendable {
  let settings: StoreSettings
  let sealer: Sealer
  let blind: BlindIndex
  let registry: Registry
  let blobs: Blobs
  let mint: @Sendable () -> Identifier

  var syncs: BlobSyncs { blobs.syncs }

  /// The file of what was staged, and that no message will own.
  func discard(_ payload: Payload) {
    if case .blob(let staged) = payload.content { syncs.discard(staged.id) }
  }

  /// How many bytes the parts of an arrival will take, about.
  func room(_ arrival: Acceptance) -> Int {
    let payloads = arrival.replaces.isEmpty ? arrival.outputs + [arrival.payload] : arrival.outputs
    return payloads.reduce(512 + 16 * arrival.columns.count + 8 * arrival.deliveries.count) { room, payload in
      room + (payload.byteCount < settings.blobBytesMin ? payload.byteCount + 64 : 64)
    }
  }

  func input(
    _ arrival: Acceptance, sealed: Bool, into slab: inout Slab
  ) throws(StoreError) -> (sha: Slab.Piece, raw: Slab.Piece?, blob: BlobReference?) {
    // What is reprocessed stands in its row already.
    if !arrival.replaces.isEmpty { return (slab.append([]), nil, nil) }
    switch arrival.payload.content {
    case .blob(let staged): return (slab.append(staged.sha256), nil, staged)
    case .patched: throw StoreError(.refused, "a message can't come in as a change of another one's content")
    case .bytes(let bytes):
      if bytes.count >= settings.blobBytesMin {
        let blob = try blobs.write(bytes, id: mint(), sealed: sealed)
        return (slab.append(blob.sha256), nil, blob)
      }
      let raw = sealer.seal(bytes, sealed: sealed, owner: arrival.channel, id: arrival.id, kind: .raw, into: &slab)
      return (slab.append(sha256(bytes)), raw, nil)
    }
  }

  func keys(_ arrival: Acceptance) -> MessageKeys {
    var keys = MessageKeys()
    if let key = arrival.duplicateKey {
      keys.duplicate = blind.hash(.duplicate, scope: arrival.channel, key.text)
      keys.until = arrival.receivedAt &+ max(0, min(key.withinMilliseconds, Int64.max / 4))
    }
    if let key = arrival.transportKey { keys.transport = blind.hash(.transport, scope: arrival.channel, key) }
    for column in arrival.columns {
      keys.columns.append(.init(field: column.key, hash: blind.hash(.column, scope: column.key, column.text)))
    }
    return keys
  }

  /// The outputs as deliveries point at them; `nil` for one that none points at. Retention finds outputs by their
  /// deliveries: such a one would be kept for ever.
  func outputs(
    _ arrival: Acceptance, sealed: Bool, into slab: inout Slab
  ) throws(StoreError) -> [PreparedAcceptance.Output?] {
    var outputs: [PreparedAcceptance.Output?] = []
    for (index, payload) in arrival.outputs.enumerated() {
      guard arrival.deliveries.contains(where: { $0.output == index }) else {
        outputs.append(nil)
        continue
      }
      var output = PreparedAcceptance.Output(id: mint(), format: payload.format, size: payload.byteCount)
      var data: [UInt8]?
      switch payload.content {
      case .blob(let staged): output.blob = staged
      case .bytes(let bytes) where bytes.count >= settings.blobBytesMin:
        output.blob = try blobs.write(bytes, id: mint(), sealed: sealed)
      case .bytes(let bytes): data = bytes
      case .patched(let patched):
        // The message's own, which goes when it goes.
        (output.blob, output.ownsBlob, data) = (patched.source, false, patched.encoded)
      }
      if let data {
        output.data = sealer.seal(
          data, sealed: sealed, owner: arrival.channel, id: output.id, kind: .output, into: &slab)
        if !sealed { output.sha = slab.append(sha256(data)) }
      } else if let blob = output.blob {
        output.sha = slab.append(blob.sha256)
      }
      outputs.append(output)
    }
    return outputs
  }

  func deliveries(
    _ arrival: Acceptance, outputs: [PreparedAcceptance.Output?], sealed: Bool
  ) -> [PreparedAcceptance.Delivery] {
    arrival.deliveries.map { delivery in
      let output = delivery.output.flatMap { outputs.indices.contains($0) ? outputs[$0] : nil }
      var prepared = PreparedAcceptance.Delivery(
        id: delivery.id, lane: delivery.lane, output: output?.id.key, size: output?.size ?? arrival.payload.byteCount)
      if !delivery.rendered.isEmpty {
        prepared.rendered = sealer.seal(
          RenderedContent.encode(delivery.rendered), sealed: sealed, owner: delivery.lane, id: delivery.id,
          kind: .rendered)
        prepared.numberings = delivery.rendered.numberings
      }
      if !delivery.orderKeys.isEmpty { prepared.orderKeys = OrderKeys.encode(delivery.orderKeys) }
      if let reason = delivery.dead {
        var content = ResultContent(summary: reason, reply: .none)
        content.isAwaited = delivery.lane == arrival.awaits
        prepared.dead = sealer.seal(
          content.encoded, sealed: sealed, owner: delivery.lane, id: delivery.id, kind: .result)
      }
      return prepared
    }
  }

  func progress(_ text: String, _ value: Value, of channel: Int64, sealed: Bool) -> (key: [UInt8], value: [UInt8]) {
    let key = progressKey(channel: channel, text)
    var writer = ByteWriter()
    writer.value(value)
    let value = sealer.seal(
      writer.bytes, sealed: sealed, owner: channel, id: Identifier(high: key.high, low: key.low), kind: .progress)
    return (key.bytes, value)
  }

  func progressKey(channel: Int64, _ text: String) -> Identifier { blind.wideHash(.progress, scope: channel, text) }
}
