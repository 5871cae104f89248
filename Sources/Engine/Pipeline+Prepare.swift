import Definitions
import Hilt
package import Messages
package import Store

extension Pipeline {
  /// What the channel's `prepare:` made of the bytes that came.
  package enum Preparation: Sendable {
    case payload(Payload, notes: [Step])
    /// It decided about the message: nothing else is run.
    case ended(Decided)
  }

  /// Runs `prepare:` over the bytes that came; without one they are as they are.
  package func prepared(_ payload: Payload, _ attributes: [String: Value], isReleased: Bool = false) -> Preparation {
    guard let program = definition.prepare, case .bytes(let bytes) = payload.content else {
      return .payload(payload, notes: [])
    }
    var input = HiltInput(nil, bytes: bytes, attributes: attributes, limits: limits)
    input.isReleased = isReleased
    let result = program.run(input)
    var decided = Self.decided(result)
    guard decided.state == .routed else {
      if decided.state == .failed { decided = .failed("prepare: \(decided.reason ?? "it failed")") }
      return .ended(decided)
    }
    guard result.emitted.count == 1, let emitted = result.emitted.first else {
      return .ended(.failed("prepare: it emitted \(result.emitted.count) messages; a message is mended to one"))
    }
    guard let mended = emitted.made(of: bytes), mended != bytes else {
      return .payload(payload, notes: decided.steps)
    }
    if mended.count > definition.limits.messageBytesMax {
      return .ended(
        .failed(
          "prepare: it made \(mended.count) bytes; at most \(definition.limits.messageBytesMax) are taken"))
    }
    let note = Step(.note, "`prepare` mended it: \(bytes.count) bytes became \(mended.count)")
    return .payload(Payload(payload.format, mended), notes: decided.steps + [note])
  }
}

extension Decided {
  /// What goes out as it came is what was mended.
  mutating func send(mended: Payload) {
    guard deliveries.contains(where: { $0.output == nil }) else { return }
    outputs.append(mended)
    for index in deliveries.indices where deliveries[index].output == nil {
      deliveries[index].output = outputs.count - 1
    }
  }
}
