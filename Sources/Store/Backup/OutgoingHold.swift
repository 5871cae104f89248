import FoundationEssentials
import Messages
import Synchronization

/// Why nothing of a store is sent until a person releases it.
///
/// A copy of a store may be a second one of an engine that still works, or older than what that one has sent: both
/// would send to partners what they have. So a store that comes from a backup, or that is opened under another
/// installation's name, holds every lane, whatever else is asked of it, until it is released.
package struct OutgoingHold: Sendable, Codable, Equatable {
  package struct Copy: Sendable, Codable, Equatable {
    /// When the backup was made, in milliseconds since 1970, and of which installation.
    package var madeAt: Int64
    package var site: String
  }
  package struct Site: Sendable, Codable, Equatable {
    /// The store's, and that under which it was opened.
    package var store: String
    package var opened: String
  }

  /// Milliseconds since 1970.
  package var since: Int64
  package var copy: Copy?
  package var site: Site?
  /// The keys of lanes that were released one by one.
  package var released: Set<Int64> = []
  /// Lanes were released under a name that the store has no more: what they sent, nobody knows under another name.
  var wasReleased: Bool?

  init(since: Int64, copy: Copy? = nil, site: Site? = nil) {
    self.since = since
    self.copy = copy
    self.site = site
  }

  package func holds(_ lane: Int64) -> Bool { !released.contains(lane) }

  /// In our words: `the store comes from a backup`.
  package var reason: String {
    var reasons: [String] = []
    if let copy { reasons.append("the store comes from a backup of \(copy.site)") }
    if let site { reasons.append("the store is that of \(site.store), and this is \(site.opened)") }
    return reasons.isEmpty ? "the store is held" : reasons.joined(separator: "; ")
  }

  // MARK: In the store

  static let name = "hold"
  static let siteName = "site"

  static func read(_ connection: Connection) throws(SQLiteFailure) -> OutgoingHold? {
    guard let text = try connection.text("SELECT value FROM meta WHERE name = '\(name)'") else { return nil }
    // One that this engine can't read holds all the same.
    return (try? JSONDecoder().decode(Self.self, from: Data(text.utf8))) ?? OutgoingHold(since: 0)
  }

  func keep(_ connection: Connection) throws(SQLiteFailure) {
    let row = try connection.statement("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")
    row.bind(1, Self.name)
    row.bind(2, (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "")
    try row.run()
  }

  /// What holds a store that is being opened; the first name that it is opened under becomes its own. Call inside a
  /// transaction.
  ///
  /// - Parameter site: the name of the installation; `nil` where nobody says.
  static func opened(
    _ connection: Connection, site: String?, now: Int64
  ) throws(SQLiteFailure) -> OutgoingHold? {
    var hold = try read(connection)
    guard let site else { return hold }
    guard let own = try connection.text("SELECT value FROM meta WHERE name = '\(siteName)'") else {
      try setSite(site, connection)
      return hold
    }
    if own != site {
      var changed = hold ?? OutgoingHold(since: now)
      changed.become(Site(store: own, opened: site))
      hold = changed
      try changed.keep(connection)
    } else if var known = hold, known.site != nil {
      // The name was wrong and is right again.
      known.become(nil)
      if known.copy == nil, known.wasReleased != true {
        try connection.execute("DELETE FROM meta WHERE name = '\(name)'")
        return nil
      }
      hold = known
      try known.keep(connection)
    }
    return hold
  }

  /// What was released was released for the installation of the former name, not for the next one.
  private mutating func become(_ site: Site?) {
    guard self.site != site else { return }
    self.site = site
    if !released.isEmpty { wasReleased = true }
    released = []
  }

  /// Releases lanes, or all there are and will be: then the store is this installation's. Call inside a transaction.
  static func release(
    _ lanes: [Int64]?, site: String?, _ connection: Connection
  ) throws(SQLiteFailure) -> (hold: OutgoingHold?, isDone: Bool) {
    guard var hold = try read(connection) else { return (nil, false) }
    if let lanes {
      hold.released.formUnion(lanes)
      try hold.keep(connection)
      return (hold, true)
    }
    try connection.execute("DELETE FROM meta WHERE name = '\(name)'")
    if let site { try setSite(site, connection) }
    return (nil, true)
  }

  private static func setSite(_ site: String, _ connection: Connection) throws(SQLiteFailure) {
    let row = try connection.statement("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")
    row.bind(1, siteName)
    row.bind(2, site)
    try row.run()
  }
}

/// What holds the store at this moment, for everybody who asks.
final class HoldCell: Sendable {
  private let hold = Mutex<OutgoingHold?>(nil)
  var value: OutgoingHold? {
    get { hold.withLock { $0 } }
    set { hold.withLock { $0 = newValue } }
  }
}

/// A flag that one at a time may have raised.
final class Flag: Sendable {
  private let isUp = Atomic<Bool>(false)
  /// Returns `false` where it was up already.
  func raise() -> Bool { !isUp.exchange(true, ordering: .acquiringAndReleasing) }
  func lower() { isUp.store(false, ordering: .releasing) }
}
