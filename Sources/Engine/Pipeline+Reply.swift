import Definitions
import HL7
import Hilt
import Messages
import Store

/// What a partner's answer is read with.
struct Answered: Sendable {
  var answer: Payload
  var sent: Payload
  /// What came in, with what is known of it.
  var original: Payload
  var attributes: [String: Value]
  var message: MessageID
  var receivedAt: Int64
}

/// What a reply transform decided, and what it sends to other destinations.
enum Judgement: Sendable {
  /// With what goes to the sender who waits.
  case done(Decided, answer: Payload? = nil)
  case retry(String)
  case dead(String)
  case hold(String)
  case failed(String)
}

extension Pipeline {
  /// Runs the reply transform of a destination. A pure function, like `run`.
  func judge(_ answered: Answered, of destination: Int) -> Judgement {
    let name = definition.destinations[destination].name
    guard let program = definition.destinations[destination].reply else { return .done(Decided(.routed)) }
    guard case .bytes(let bytes) = answered.answer.content else { return .failed("its content is not at hand") }
    let answer: HL7Message
    do throws(HL7ParseError) {
      answer = try HL7Message(bytes, reading)
    } catch {
      return .failed("the answer can't be read: \(error)")
    }
    let context = Context(attributes: [
      "id": .text(answered.message.description), "channel": .text(definition.name.text),
      "received": .integer(answered.receivedAt), "source": .record(answered.attributes),
    ])
    let original = mended(answered.original, context).flatMap { message($0) }
    let result = program.run(
      HiltInput(
        answer, original: original, sent: message(answered.sent), attributes: context.attributes, limits: limits))
    let notes = result.notes.map { Step(.note, "\(name) answered: \($0.text)") }
    switch result.decision {
    case .done: return emitted(result, bytes, original, context, notes, by: name)
    case .retry(let reason): return .retry(reason)
    case .dead(let reason): return .dead(reason)
    case .held(let reason): return .hold(reason)
    case .failed(let failure): return .failed(Self.describe(failure))
    case .answered(let answer):
      let made: Payload
      switch self.answer(answer, bytes) {
      case .success(let payload): made = payload
      case .failure(let problem): return .failed(problem.text)
      }
      let judgement = emitted(result, bytes, original, context, notes, by: name)
      guard case .done(var decided, _) = judgement else { return judgement }
      decided.steps.append(Step(.note, "the sender's answer was made of that of \(name)"))
      return .done(decided, answer: made)
    case .routed, .dropped, .rejected: return .failed("it did not decide about the delivery")
    }
  }

  private struct Unusable: Error { var text: String }

  /// What goes to the sender: it must name the sender's message, and so has an MSA.
  private func answer(_ answer: HiltEmitted, _ reply: [UInt8]) -> Result<Payload, Unusable> {
    let bytes = answer.made(of: reply) ?? reply
    guard answer.format == .hl7v2 else { return .success(Payload(answer.format, bytes)) }
    do throws(HL7ParseError) {
      let message = try HL7Message(bytes, reading)
      if message.segment("MSA", occurrence: 1) == nil {
        return .failure(Unusable(text: "what it answers has no MSA, and so names no message"))
      }
      return .success(Payload(.hl7v2, bytes))
    } catch {
      return .failure(Unusable(text: "what it answers can't be read back: \(error)"))
    }
  }

  /// The message as the channel reads it.
  private func mended(_ payload: Payload, _ context: Context) -> Payload? {
    if case .payload(let mended, _) = prepared(payload, context.attributes) { mended } else { nil }
  }

  /// HL7 as it is read in programs; `nil` for anything else.
  private func message(_ payload: Payload) -> HL7Message? {
    guard payload.format == .hl7v2, case .bytes(let bytes) = payload.content else { return nil }
    return try? HL7Message(bytes, reading)
  }

  private func emitted(
    _ result: HiltResult, _ answer: [UInt8], _ original: HL7Message?, _ context: Context, _ notes: [Step],
    by name: String
  ) -> Judgement {
    var decided = Decided(.routed)
    decided.steps = notes
    var outgoing: [Outgoing] = []
    for emitted in result.emitted {
      // The check has seen to it that they are named.
      var one = Outgoing(output: decided.outputs.count, meta: emitted.meta, destinations: emitted.destinations ?? [])
      let bytes = emitted.made(of: answer) ?? answer
      decided.outputs.append(Payload(emitted.format, bytes))
      if emitted.format == .hl7v2 {
        do throws(HL7ParseError) {
          one.message = try HL7Message(bytes, reading)
        } catch {
          return .failed("what it made can't be read back: \(error)")
        }
      } else {
        one.bytes = bytes
      }
      outgoing.append(one)
    }
    var context = context
    context.only = Set(outgoing.flatMap { $0.destinations ?? [] })
    guard !outgoing.isEmpty else { return .done(decided) }
    for target in context.only?.sorted() ?? [] {
      decided.steps.append(Step(.note, "the answer of \(name) sends to \(target)"))
    }
    let delivered = deliver(outgoing, decided, original, context)
    guard delivered.state == .routed else {
      return .failed("what it sends ended as \(delivered.state.rawValue): \(delivered.reason ?? "")")
    }
    return .done(delivered)
  }
}
