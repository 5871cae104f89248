import ConnectorKit
import Definitions
import Messages
import Store

// What another channel hands on.

extension ChannelRuntime {
  var takesFromChannels: Bool { definition.source.takesFromChannels }

  /// Why nothing that another channel hands on can be taken at this moment. Asked inside the passage: a source that
  /// was stopped is asked nothing more once those inside have left.
  func reasonNotToTake(bytes: Int, _ version: ChannelVersion) -> String? {
    guard version.definition.source.takesFromChannels else {
      return "channel \(name) takes messages from `\(version.definition.source.connector)`, not from other channels"
    }
    switch work {
    case .paused: return "channel \(name) is paused"
    case .stopped: return "channel \(name) is stopped"
    case .running: break
    }
    guard isOpen else { return "channel \(name) is not running" }
    return reasonToTurnAway(bytes: bytes, version)
  }

  /// Runs the pipeline over what another channel's lane hands on, and makes its end there and the message here durable
  /// together. A message that is rejected is kept as any rejected one, and what was handed on goes on waiting.
  ///
  /// - Parameters:
  ///   - attempts: how the deliveries end that it was made of, but for the words.
  ///   - version: which it has entered; it has left when `then` is called.
  ///   - gate: of the lane, so that nothing passes one that isn't taken.
  /// - Returns: whether it is rejected; known before the store has answered.
  func take(
    _ handed: Handed, from lane: LaneName, _ attempts: [Attempt], _ version: ChannelVersion, gate: OriginGate,
    then: @escaping @Sendable (HandedOver) -> Void
  ) -> Bool {
    meter.arrived()
    var handed = handed
    do throws(StagingError) {
      handed.payload = try owned(handed.payload)
    } catch {
      passage.leave()
      then(.unavailable(reason: error.description))
      return false
    }
    let id = store.mint()
    let receivedAt = shared.clock.now().wall
    let attributes = handed.attributes(from: lane)
    let decided =
      Self.otherFormat(handed.payload.format, version.definition.format)
      ?? decide(handed.payload, attributes, version, id: id, receivedAt: receivedAt)
    var acceptance = self.acceptance(
      decided, version, id: id, payload(handed.payload, version), attributes, receivedAt: receivedAt)
    acceptance.duplicateKey = decided.duplicateKey
    acceptance.gate = gate
    if decided.state == .rejected {
      let rejection = decided.rejection ?? Rejection(.reject, 207, "not accepted")
      submit(acceptance, decided, version) { [name] result in
        if case .unavailable(let reason) = result { return then(.unavailable(reason: reason)) }
        then(Self.refused(rejection, by: name, id))
      }
      return true
    }
    let summary = HandedOn.summary(decided, name, id, gathered: handed.isGathered ? handed.messages.count : 1)
    var ends = attempts
    for index in ends.indices { ends[index].end = .delivered(summary: summary, reply: nil) }
    let unit = acceptance
    store.handOver(ends, unit) { [self] result in
      settle(unit, decided, version, result)
      switch result {
      case .accepted, .duplicate, .awaited: then(.taken(summary: summary))
      case .stale: then(.gone)
      case .conflict: then(Self.refused(Rejection(.reject, 205, Pipeline.conflict), by: name, id))
      case .unavailable(let reason): then(.unavailable(reason: reason))
      }
    }
    return false
  }

  /// A large content is one message's: this channel's message gets its own.
  private func owned(_ payload: Payload) throws(StagingError) -> Payload {
    if payload.isInMemory { return payload }
    let writer = try store.stage(channel: keys.channel)
    do {
      let reader = try store.open(payload, isTrusted: false)
      while reader.rest > 0 { try writer.append(try reader.next(1 << 16)[...]) }
    } catch let error as StagingError {
      throw error
    } catch {
      throw StagingError("\(error)")
    }
    return Payload(format: payload.format, content: .blob(try writer.finish()))
  }

  /// What it is kept as; the channel's own format where that only says that its bytes are not looked into.
  private func payload(_ payload: Payload, _ version: ChannelVersion) -> Payload {
    var payload = payload
    payload.format = version.definition.format
    return payload
  }

  private static func otherFormat(_ handed: Format, _ own: Format) -> Decided? {
    if handed == own || own == .bytes || own == .text { return nil }
    return Decided(
      Rejection(.reject, 207, "it is \(handed.rawValue), and this channel takes \(own.rawValue)"))
  }

  private static func refused(_ rejection: Rejection, by name: ChannelName, _ id: MessageID) -> HandedOver {
    let code = rejection.code
    let place = rejection.place.map { " at \($0)" } ?? ""
    return .refused(
      rejection.kind, "\(code)\(place): \(rejection.text) (channel \(name), message \(id))",
      said: "channel \(name) rejects it, \(code)")
  }
}

/// What one channel hands on to another as one message.
struct Handed: Sendable {
  var payload: Payload
  /// Of the first channel, in the order of the lane: one, or all that it was gathered from.
  var messages: [MessageID]
  /// Through how many channels it has come with the next one.
  var hops: Int
  var isGathered = false

  /// What the other channel knows of it beside its content.
  func attributes(from lane: LaneName) -> [String: Value] {
    var attributes: [String: Value] = [
      "channel": .text(lane.channel.text), HandOver.hops: .integer(Int64(hops)),
    ]
    if let first = messages.first { attributes["message"] = .text(first.description) }
    if isGathered {
      attributes["gathered"] = .record([
        "count": .integer(Int64(messages.count)), "messages": .list(messages.map { .text($0.description) }),
      ])
    }
    return attributes
  }
}
