import Definitions
import Messages
package import Store

// A misspelt name must not look like "there is nothing".

extension Engine {
  /// Says what there is where a search names a channel or a column that isn't there.
  package func check(_ query: MessageQuery) async throws {
    if let name = query.channel { _ = try await ledger(of: name) }
    let asked = query.columns.keys.sorted()
    // Without its file nobody knows a channel's columns; what was indexed is found all the same.
    let searched = query.channel.map { name in channels.filter { $0.name.text == name } } ?? channels
    guard !asked.isEmpty, !searched.isEmpty else { return }
    let known = Set(searched.flatMap { $0.definition.columns.map(\.name) }).sorted()
    for name in asked where !known.contains(name) {
      let whose =
        query.channel.map { "channel \($0) has no column \(name); it has" }
        ?? "no channel has a column \(name); there are"
      throw OperationError(known.isEmpty ? "\(name) is no column: none is declared" : "\(whose) \(list(known))")
    }
  }

  /// Says what there is where a search names a channel or a lane that isn't there.
  package func check(_ query: DeliveryQuery) async throws {
    guard let name = query.channel else { return }
    let ledger = try await ledger(of: name)
    guard let destination = query.destination else { return }
    // A channel whose file is wrong has its lanes in the store alone.
    let known = Set((ledger?.lanes.map(\.name) ?? []) + (channel(name)?.lanes.map(\.name.destination) ?? []))
    guard !known.contains(destination) else { return }
    throw OperationError("channel \(name) has no lane \(destination); it has \(list(known.sorted()))")
  }

  /// What the store knows of a channel; `nil` where it has a file and nothing else yet.
  private func ledger(of name: String) async throws -> ChannelLedger? {
    let ledgers = try await store.ledger()
    let known = Set(ledgers.map(\.channel) + channels.map(\.name.text) + broken.map(\.name))
    guard known.contains(name) else {
      throw OperationError(
        known.isEmpty ? "there is no channel" : "there is no channel \(name); there are \(list(known.sorted()))")
    }
    return ledgers.first { $0.channel == name }
  }

  private func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }

  /// Why an id can't be tried again as a dead delivery; of a message's id, which delivery is meant.
  func whyNotDead(_ id: Identifier) async throws -> String {
    guard try await store.delivery(id) == nil else { return "it is not dead" }
    guard try await store.message(id) != nil else { return "there is no such delivery" }
    let dead = try await store.deliveries(of: id).filter { $0.state == .dead }.map { "\($0.id) (\($0.destination))" }
    return dead.isEmpty
      ? "it is a message's id, and no delivery of it is dead"
      : "it is a message's id; its dead \(dead.count == 1 ? "delivery is" : "deliveries are") \(list(dead))"
  }
}
