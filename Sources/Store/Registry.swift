import Messages
import Synchronization

/// The names behind the store's keys, for callers and readers. Small: channels, lanes and columns, not messages.
final class Registry: Sendable {
  struct Channel: Sendable {
    var name: String
    var sealed: Bool
  }
  struct Lane: Sendable {
    var channel: Int64
    var name: String
    var sealed: Bool
  }
  struct Field: Sendable {
    var channel: Int64
    var name: String
  }
  struct Names: Sendable {
    var channels: [Int64: Channel] = [:]
    var lanes: [Int64: Lane] = [:]
    var fields: [Int64: Field] = [:]
  }
  private let names = Mutex(Names())

  func channel(_ key: Int64) -> Channel? { names.withLock { $0.channels[key] } }
  func lane(_ key: Int64) -> Lane? { names.withLock { $0.lanes[key] } }
  func isSealed(channel: Int64) -> Bool { names.withLock { $0.channels[channel]?.sealed ?? true } }
  func isSealed(lane: Int64) -> Bool { names.withLock { $0.lanes[lane]?.sealed ?? true } }
  func key(of lane: LaneName) -> Int64? {
    names.withLock { names in
      names.lanes.first {
        $0.value.name == lane.destination && names.channels[$0.value.channel]?.name == lane.channel.text
      }?.key
    }
  }
  var all: Names { names.withLock { $0 } }

  /// Reads all names from the file.
  func load(_ connection: Connection) throws(SQLiteFailure) {
    var loaded = Names()
    let channels = try connection.statement("SELECT id, name, sealed FROM channel")
    while try channels.step() {
      loaded.channels[channels.integer(0)] = Channel(name: channels.text(1) ?? "", sealed: channels.integer(2) != 0)
    }
    channels.reset()
    let lanes = try connection.statement("SELECT id, channel, name FROM lane")
    while try lanes.step() {
      let channel = lanes.integer(1)
      loaded.lanes[lanes.integer(0)] = Lane(
        channel: channel, name: lanes.text(2) ?? "", sealed: loaded.channels[channel]?.sealed ?? true)
    }
    lanes.reset()
    let fields = try connection.statement("SELECT id, channel, name FROM searchable")
    while try fields.step() {
      loaded.fields[fields.integer(0)] = Field(channel: fields.integer(1), name: fields.text(2) ?? "")
    }
    fields.reset()
    names.withLock { $0 = loaded }
  }
}
