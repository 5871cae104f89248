import Engine
import Messages
import Store

// A message that goes through several channels has an id in each: its story is told over all of them.

extension ControlAPI {
  /// Of so many other messages at most: one may have been handed on by many deliveries.
  private static let othersMax = 64

  /// Adds where the message came from, and what became of it where it was handed on.
  func tellOfOthers(_ answer: inout MessageAnswer) async throws {
    var first = answer.message
    // What was gathered has many before it, which its own line names.
    while answer.before.count < Self.othersMax, first.attributes["channel"] != nil, first.attributes["gathered"] == nil,
      let id = first.attributes["message"]?.text.flatMap({ Identifier($0) }),
      let record = try await engine.store.message(id)
    {
      answer.before.insert(record, at: 0)
      first = record
    }
    var open = answer.deliveries
    while let delivery = open.first, answer.onward.count < Self.othersMax {
      open.removeFirst()
      guard delivery.state == .delivered, let id = delivery.summary.flatMap(HandedOn.message),
        let record = try await engine.store.message(id)
      else { continue }
      let deliveries = engine.withGroups(try await engine.store.deliveries(of: id))
      answer.onward.append(MessageAnswer.Onward(delivery: delivery.id, message: record, deliveries: deliveries))
      open += deliveries
    }
  }
}
