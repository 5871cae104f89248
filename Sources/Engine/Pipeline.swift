import ConnectorKit
package import Definitions
import HL7
import Hilt
package import Messages
import Store
import Text

/// A channel's way from bytes to outcome: decode, filter, transform, route. A pure function: no I/O, a bounded cost,
/// and the same message always comes to the same outcome. It runs before the commit, so message and outcome become
/// durable together.
package struct Pipeline: Sendable {
  let definition: ChannelDefinition
  let reading: HL7ReadingOptions
  let limits: HiltLimits

  package init(_ definition: ChannelDefinition) {
    self.definition = definition
    reading = HL7ReadingOptions(definition.hl7)
    limits = HiltLimits(stepsMax: definition.limits.stepsMax, emitsMax: definition.limits.emitsMax)
  }

  /// - Parameters:
  ///   - attributes: what the source knows beside the content, seen as `message.source.…`.
  ///   - receivedAt: milliseconds since 1970, seen as `message.received`: a replay gives the same bytes.
  ///   - isReleased: a person released it: `hold` is passed over.
  ///   - open: reads a content that isn't in memory.
  package func run(
    _ payload: Payload, _ attributes: [String: Value], id: MessageID, receivedAt: Int64, isReleased: Bool = false,
    open: @escaping Open = Delivery.inMemory
  ) -> Decided {
    let size = payload.byteCount
    if size > definition.limits.messageBytesMax {
      return Decided(
        Rejection(
          .reject, 207, "the message has \(size) bytes; at most \(definition.limits.messageBytesMax) are taken"))
    }
    let context = Context(
      attributes: [
        "id": .text(id.description), "channel": .text(definition.name.text), "received": .integer(receivedAt),
        "source": .record(attributes),
      ], isReleased: isReleased, open: open)
    if definition.format == .dicom { return readImage(payload, context) }
    let bytes: [UInt8]
    do throws(ContentError) {
      bytes = try Self.whole(payload, open)
    } catch {
      return .failed(error.description)
    }
    guard definition.prepare != nil else { return read(payload, bytes, context) }
    switch prepared(Payload(payload.format, bytes), context.attributes, isReleased: isReleased) {
    case .ended(let decided): return decided
    case .payload(let mended, let notes):
      guard case .bytes(let content) = mended.content else { return .failed("the content is not at hand") }
      var decided = read(mended, content, context)
      if content != bytes { decided.send(mended: mended) }
      decided.steps = notes + decided.steps
      decided.prepared = mended
      return decided
    }
  }

  private func read(_ payload: Payload, _ bytes: [UInt8], _ context: Context) -> Decided {
    guard definition.format == .hl7v2 else {
      var came = Outgoing(bytes: bytes)
      came.json = document(bytes, definition.format)
      return route(came, context)
    }
    let message: HL7Message
    do throws(HL7ParseError) {
      message = try HL7Message(bytes, reading)
    } catch {
      return Decided(
        Rejection(
          .reject, 207, "this is not an HL7 v2 message that can be read: \(error)", at: error.field?.description))
    }
    return route(Outgoing(message: message), context)
  }

  /// What holds for one run.
  struct Context {
    var attributes: [String: Value]
    var isReleased = false
    /// The destinations that it is about; `nil` for all.
    var only: Set<String>?
    /// Reads a content that isn't in memory.
    var open: Open = ConnectorKit.Delivery.inMemory
  }

  /// One message that goes to destinations: what came in, or what the transform gave.
  struct Outgoing {
    /// `nil`: what came in.
    var output: Int?
    var message: HL7Message?
    /// The content, where it is not HL7 and is in memory.
    var bytes: [UInt8] = []
    var image: Image?
    /// Where it is JSON, can be read, and anything looks into it.
    var json: JSONNode?
    var meta: [String: Value] = [:]
    var destinations: [String]?

    func input(original: HL7Message?, _ context: Context, _ limits: HiltLimits) -> HiltInput {
      var input = HiltInput(
        message, original: original, bytes: bytes, attributes: context.attributes, meta: meta, limits: limits)
      input.dicom = image?.object
      input.json = json
      input.isReleased = context.isReleased
      return input
    }
  }

  func route(_ came: Outgoing, _ context: Context) -> Decided {
    let input = came.input(original: nil, context, limits)
    var decided: Decided
    if let message = came.message, definition.hl7.missingControlID == .refuse, !Self.hasControlID(message) {
      decided = Decided(Rejection(.error, 101, "MSH-10 (message control id) is empty", at: "MSH-10"))
    } else {
      decided = transformed(came, input, context)
    }
    describe(&decided, input)
    return decided
  }

  // MARK: The channel's transform

  private func transformed(_ came: Outgoing, _ input: HiltInput, _ context: Context) -> Decided {
    let message = came.message
    guard let transform = definition.transform else { return deliver([came], Decided(.routed), message, context) }
    if let message, let refusal = unexpected(message, transform) {
      switch definition.unexpected {
      case .reject: return Decided(refusal)
      case .fail: return .failed(refusal.text)
      case .pass: return deliver([came], Decided(.routed), message, context)
      }
    }
    let result = transform.run(input)
    if let refusal = result.unexpected {
      switch definition.unexpected {
      case .reject: break
      case .fail: return .failed(refusal.reason)
      case .pass: return deliver([came], Decided(.routed), message, context)
      }
    }
    var decided = Self.decided(result)
    guard decided.state == .routed else { return decided }
    var outgoing: [Outgoing] = []
    for emitted in result.emitted {
      guard let one = take(emitted, of: came, context, &decided) else { return decided }
      outgoing.append(one)
    }
    return deliver(outgoing, decided, message, context)
  }

  /// Why the transform doesn't take this message: its type, its version.
  private func unexpected(_ message: HL7Message, _ transform: HiltProgram) -> Rejection? {
    Unexpected.refusal(of: HL7Header(message), by: transform.input)
  }

  private static func hasControlID(_ message: HL7Message) -> Bool {
    message.field(10, of: 0).leaf.presence == .valued
  }

  static func decided(_ result: HiltResult) -> Decided {
    var decided: Decided
    switch result.decision {
    case .routed: decided = Decided(.routed)
    case .dropped(let reason):
      decided = Decided(.dropped, reason: reason)
      decided.steps = [Step(.dropped, reason)]
    case .held(let reason):
      decided = Decided(.held, reason: reason)
      decided.steps = [Step(.held, reason)]
    case .failed(let failure): decided = .failed(describe(failure))
    case .done, .retry, .dead, .answered: decided = .failed("a reply transform can't decide about a message that came")
    case .rejected(let rejection):
      decided = Decided(
        Rejection(
          Rejection.Kind(rawValue: rejection.code) ?? (rejection.isDIMSE ? .reject : .error), rejection.number ?? 207,
          rejection.reason,
          at: rejection.path))
    }
    decided.steps = result.notes.map { Step(.note, $0.text) } + decided.steps
    return decided
  }

  static func describe(_ failure: HiltFailure) -> String {
    let path = failure.path.map { " (at \($0))" } ?? ""
    return "\(failure.problem.message)\(path), \(failure.problem.place)"
  }

  /// Keeps what a program emitted, once for all destinations; `nil` and a failed outcome where it can't be read back.
  private func take(
    _ emitted: HiltEmitted, of came: Outgoing, _ context: Context, _ decided: inout Decided
  ) -> Outgoing? {
    var outgoing = came
    (outgoing.meta, outgoing.destinations) = (emitted.meta, emitted.destinations)
    guard let made = Self.made(emitted, of: came) else { return outgoing }
    (outgoing.message, outgoing.bytes, outgoing.image, outgoing.json) = (nil, [], nil, nil)
    outgoing.output = decided.outputs.count
    decided.outputs.append(made)
    if emitted.format != .hl7v2, case .bytes(let bytes) = made.content {
      outgoing.bytes = bytes
      outgoing.json = document(bytes, emitted.format)
    }
    guard needsMessage else { return outgoing }
    do {
      switch (emitted.format, made.content) {
      case (.hl7v2, .bytes(let bytes)): outgoing.message = try HL7Message(bytes, reading)
      case (.dicom, _): outgoing.image = try Self.image(made, context.open)
      default: break
      }
    } catch {
      decided = .failed("what the transform made can't be read back: \(error)")
      return nil
    }
    return outgoing
  }

  /// Whether any destination looks into what it sends.
  var needsMessage: Bool {
    definition.destinations.contains {
      $0.collect?.by != nil || $0.when != nil || $0.transform != nil || !$0.templates.isEmpty || $0.order.hasKeys
    }
  }

  // MARK: Destinations

  func deliver(_ outgoing: [Outgoing], _ start: Decided, _ original: HL7Message?, _ context: Context) -> Decided {
    var decided = start
    for (lane, destination) in definition.destinations.enumerated() {
      if let only = context.only, !only.contains(destination.name) { continue }
      var reached = false
      for one in outgoing {
        if let wanted = one.destinations, !wanted.contains(destination.name) { continue }
        let input = one.input(original: original, context, limits)
        do throws(HiltFailure) {
          guard try destination.when?.holds(input) ?? true else { continue }
        } catch {
          return .failed("`when` of \(destination.name): \(error.problem.message)")
        }
        reached = true
        if let transform = destination.transform {
          if let stop = deliver(transform, to: lane, one, input, context, &decided) { return stop }
        } else {
          decided.deliveries.append(render(lane, one.output, input))
        }
      }
      if !reached {
        decided.passedBy.append(lane)
        decided.steps.append(
          Step(
            .unrouted, destination.when == nil ? "nothing was sent there" : "its `when` did not hold",
            lane: destination.name))
      }
    }
    return decided
  }

  /// Runs a destination's own transform. Gives the message's outcome where that ends it for all.
  private func deliver(
    _ transform: HiltProgram, to lane: Int, _ one: Outgoing, _ input: HiltInput, _ context: Context,
    _ decided: inout Decided
  ) -> Decided? {
    let name = definition.destinations[lane].name
    if let message = input.message,
      let refusal = Unexpected.refusal(of: HL7Header(message), by: transform.input, who: "destination \(name)")
    {
      // What the channel's own transform made is none of the sender's.
      switch one.output == nil ? definition.unexpected : definition.unexpected == .pass ? .pass : .fail {
      case .reject: return Decided(refusal)
      case .fail: return .failed(refusal.text)
      case .pass:
        decided.deliveries.append(render(lane, one.output, input))
        return nil
      }
    }
    let result = transform.run(input)
    if let refusal = result.unexpected, one.output != nil || definition.unexpected != .reject {
      guard definition.unexpected == .pass else { return .failed("destination \(name): \(refusal.reason)") }
      decided.deliveries.append(render(lane, one.output, input))
      return nil
    }
    let own = Self.decided(result)
    decided.steps += result.notes.map { Step(.note, $0.text, lane: name) }
    switch own.state {
    case .routed: break
    case .dropped:
      decided.passedBy.append(lane)
      decided.steps.append(Step(.unrouted, own.reason ?? "its transform dropped it", lane: name))
      return nil
    default: return own
    }
    for emitted in result.emitted {
      var last = one
      last.meta = emitted.meta
      if let made = Self.made(emitted, of: one) {
        last.output = decided.outputs.count
        decided.outputs.append(made)
        (last.message, last.bytes, last.image, last.json) = (nil, [], nil, nil)
        if case .bytes(let bytes) = made.content {
          last.message = emitted.format == .hl7v2 ? try? HL7Message(bytes, reading) : nil
          if last.message == nil { last.bytes = bytes }
        } else {
          last.image = try? Self.image(made, context.open)
        }
      }
      let final = last.input(original: input.original, context, limits)
      decided.deliveries.append(render(lane, last.output, final, keyedBy: input))
    }
    return nil
  }

  /// Evaluates the templates of a destination's settings. An absent value makes the delivery dead: sent under a wrong
  /// name it would be worse than not sent.
  ///
  /// - Parameter before: the message before the destination's own transform, by which it is gathered.
  private func render(
    _ lane: Int, _ output: Int?, _ input: HiltInput, keyedBy before: HiltInput? = nil
  ) -> Decided.Delivery {
    var delivery = Decided.Delivery(lane: lane, output: output)
    if definition.destinations[lane].handsOnTo != nil, let hops = HandOver.hops(input.attributes) {
      delivery.rendered[HandOver.hops] = [TemplateValue(text: String(hops), isValue: false)]
    }
    delivery.orderKeys = orderKeys(lane, input, before ?? input)
    for (setting, template) in definition.destinations[lane].templates {
      do throws(HiltFailure) {
        var values: [TemplateValue] = []
        for piece in try template.pieces(input) {
          switch piece {
          case .literal(let text): values.append(TemplateValue(text: text, isValue: false))
          case .value(.text(let text), _): values.append(TemplateValue(text: text, isValue: true))
          case .number(let name, let width): values.append(TemplateValue(numberOf: name, width: width))
          case .value(_, let name): delivery.dead = "{\(name)} in `\(setting)` is absent from the message"
          }
        }
        delivery.rendered[setting] = values
      } catch {
        delivery.dead = "`\(setting)`: \(error.problem.message)"
      }
    }
    return delivery
  }

  /// The values by which the lane orders what is sent. One that can't be told leaves the delivery without keys, and so
  /// in its place among all.
  private func orderKeys(_ lane: Int, _ input: HiltInput, _ before: HiltInput) -> [String] {
    if let by = definition.destinations[lane].collect?.by {
      return Self.whole(by.template, before).map { [$0] } ?? []
    }
    guard case .keys(let expressions, _, _) = definition.destinations[lane].order else { return [] }
    var keys: [String] = []
    do throws(HiltFailure) {
      for expression in expressions {
        if case .text(let key) = try expression.text(input), !keys.contains(key) { keys.append(key) }
      }
    } catch {
      return []
    }
    return keys
  }

  // MARK: What is known of the message as it came

  private func describe(_ decided: inout Decided, _ input: HiltInput) {
    decided.sequence = input.message.flatMap { SequenceNumber($0) }
    for (index, column) in definition.columns.enumerated() {
      if case .text(let text)? = try? column.expression.text(input) { decided.columns.append((index, text)) }
    }
    if let rule = definition.duplicates { decided.duplicateKey = Self.key(rule, input) }
  }

  /// What the sender hears whose message has the key of another.
  static let conflict = "another message with this key came before (duplicates: conflict: reject)"

  /// `nil` where nothing in it is valued: such messages would all be the same.
  private static func key(_ rule: ChannelDefinition.DuplicateRule, _ input: HiltInput) -> Acceptance.DuplicateKey? {
    text(of: rule.key, input).map { text in
      Acceptance.DuplicateKey(
        text: text, withinMilliseconds: rule.within.milliseconds,
        othersRejected: rule.rejectsOthers ? "AR 205: \(conflict)" : nil)
    }
  }

  /// `nil` where anything in it is not valued, or blank: what it would be put together with is another patient's.
  private static func whole(_ template: HiltTemplate, _ input: HiltInput) -> String? {
    guard let pieces = try? template.pieces(input) else { return nil }
    var text = ""
    for piece in pieces {
      switch piece {
      case .literal(let literal): text += literal
      case .value(.text(let value), _):
        if value.utf8.allSatisfy({ $0 == UInt8(ascii: " ") }) { return nil }
        text += value
      case .value, .number: return nil
      }
    }
    return text
  }

  /// `nil` where nothing in it is valued.
  private static func text(of template: HiltTemplate, _ input: HiltInput) -> String? {
    guard let pieces = try? template.pieces(input) else { return nil }
    var text = ""
    var isValued = false
    for piece in pieces {
      switch piece {
      case .literal(let literal): text += literal
      case .value(.text(let value), _):
        text += value
        isValued = true
      case .value, .number: break
      }
    }
    return isValued ? text : nil
  }
}
