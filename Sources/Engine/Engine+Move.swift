import Logging
import Definitions
package import Messages
import Store

extension Engine {
  /// Moves what waits in a lane to the end of another one of its channel: these deliveries, or all where none is named.
  /// What is at the partner at this moment is left, and so is what comes in meanwhile; the bytes stay those that were
  /// made for the lane they waited in.
  ///
  /// A long lane is moved in steps, the oldest first. If the engine dies in between, what was moved stays so.
  ///
  /// - Returns: how many were moved.
  package func moveWaiting(_ name: String, _ ids: [DeliveryID]?, to destination: String) async throws -> Int {
    try await gate.beside {
      let (key, lane) = try await laneOrKey(name)
      let target = try target(destination, of: name, key)
      let at = shared.clock.now().wall
      let count = try await take(ids, from: key, lane, "moved") { step, through, except in
        if let step { return .moveChosen(lane: key, to: target.key, step, at: at) }
        return .moveAllWaiting(
          lane: key, to: target.key, through: through, except: except, countMax: Self.cancelStepMax, at: at)
      } taken: { count, bytes in
        target.grown(by: count, bytes: bytes)
      }
      log.notice(
        "What waited was moved by hand.", metadata: ["lane": "\(name)", "to": "\(target.name)", "count": "\(count)"])
      return count
    }
  }

  private func target(_ destination: String, of name: String, _ key: Int64) throws -> Lane {
    guard let from = LaneName(name), let channel = channel(from.channel.text) else {
      throw OperationError("the channel of \(name) is not running: there is no lane to move to")
    }
    guard let target = channel.lanes.first(where: { $0.name.destination == destination }) else {
      let known = channel.lanes.map(\.name.destination).joined(separator: ", ")
      throw OperationError("channel \(from.channel) has no lane \(destination); it has \(known)")
    }
    guard target.key != key else { throw OperationError("\(name) is the lane that it would be moved to") }
    let definitions = [from.destination, destination].map { name in
      channel.definition.destinations.first { $0.name == name }
    }
    // A lane of questions ends what its asker doesn't wait for: what is moved there would be lost.
    if let asked = definitions.compactMap(\.self).first(where: { $0.question != nil }) {
      throw OperationError(
        "\(asked.name) asks questions (`ask`): a question is asked once and not queued, so nothing is moved to it or "
          + "from it")
    }
    let connectors = definitions.map { $0?.connector.connector }
    if let source = connectors[0], let other = connectors[1], source != other {
      throw OperationError(
        "what waits in \(name) was made for \(source), and \(destination) is \(other): hilum reprocess makes it anew")
    }
    if let hold = store.outgoingHold, hold.holds(key), !hold.holds(target.key) {
      throw OperationError("\(name) waits for its release (hilum release), and \(destination) sends")
    }
    return target
  }

  /// What waits in a lane and has these values in the columns of its message, in the lane's order.
  package func waiting(in name: String, where columns: [String: String]) async throws -> [DeliveryID] {
    guard let lane = LaneName(name) else { throw OperationError("\(name) is not CHANNEL/LANE") }
    let query = MessageQuery(channel: lane.channel.text, columns: columns, limit: .max)
    try await check(query)
    var found: [DeliveryRecord] = []
    for message in try await store.messages(query) {
      guard let id = Identifier(message.id) else { continue }
      found += try await store.deliveries(of: id).filter {
        $0.destination == lane.destination && $0.state == .waiting && !$0.isPlace
      }
    }
    return found.sorted { $0.sequence < $1.sequence }.compactMap { Identifier($0.id) }
  }
}
