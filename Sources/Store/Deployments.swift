import FoundationEssentials
package import Messages

/// What is known of a channel's deployments: which revision ran since when, what a person rolled back, and what is on
/// its way out of lanes that are gone. Kept beside the channel, and written in the transaction that registers a
/// revision.
package struct DeploymentNote: Sendable, Codable, Equatable {
  /// A revision that ran, or runs.
  package struct Run: Sendable, Codable, Equatable {
    /// Its hash, in hex; `nil` where the channel was taken out of work.
    package var revision: String?
    /// Milliseconds since 1970.
    package var since: Int64
    /// `start`, `deploy`, `rollback`, `restored`.
    package var by: String
    /// The name of its channel file.
    package var file: String

    package init(revision: String?, since: Int64, by: String, file: String) {
      self.revision = revision
      self.since = since
      self.by = by
      self.file = file
    }
  }

  /// A lane that no destination stands for any more, and in which something waited.
  package struct Leaving: Sendable, Codable, Equatable {
    package var lane: String
    /// What becomes of what waits: `drain`, `dead`, `move:LANE`.
    package var waiting: String
    /// The hash of the revision that had its destination.
    package var revision: String

    package init(lane: String, waiting: String, revision: String) {
      self.lane = lane
      self.waiting = waiting
      self.revision = revision
    }
  }

  /// The newest last.
  package var runs: [Run] = []
  /// The hash of the files on disk when the channel was rolled back: as long as they are these, what it was rolled back
  /// to runs.
  package var rolledBackOver: String?
  package var leaving: [Leaving] = []

  package init() {}

  /// So many runs are kept.
  private static let runsMax = 100

  /// A revision runs from now on; nothing where it ran before.
  package mutating func run(_ run: Run) {
    if let last = runs.last, last.revision == run.revision { return }
    runs.append(run)
    if runs.count > Self.runsMax { runs.removeFirst(runs.count - Self.runsMax) }
  }
}

/// A revision of a channel as the store knows it.
package struct RevisionRecord: Sendable, Equatable {
  package var hash: [UInt8]
  /// When it was first registered, in milliseconds since 1970.
  package var madeAt: Int64
  /// The paths of its files, relative to the folder of the channel file.
  package var paths: [String]
}

extension SQLiteStore {
  package func revisions(of channel: String) async throws(StoreError) -> [RevisionRecord] {
    try await read { reading in
      let rows = try reading.connection.statement(
        """
        SELECT r.hash, r.made_at, f.path FROM revision r JOIN channel c ON c.id = r.channel
        LEFT JOIN revision_file f ON f.revision = r.id WHERE c.name = ?1 ORDER BY r.id, f.path
        """)
      defer { rows.reset() }
      rows.bind(1, channel)
      var found: [RevisionRecord] = []
      while try rows.step() {
        let hash = rows.bytes(0) ?? []
        if found.last?.hash != hash { found.append(RevisionRecord(hash: hash, madeAt: rows.integer(1), paths: [])) }
        if let path = rows.text(2) { found[found.count - 1].paths.append(path) }
      }
      return found
    }
  }

  package func files(
    of channel: String, revision hash: [UInt8]
  ) async throws(StoreError) -> [(path: String, content: [UInt8])] {
    try await read { reading in
      let rows = try reading.connection.statement(
        """
        SELECT f.path, t.bytes, f.hash FROM revision r JOIN channel c ON c.id = r.channel
        JOIN revision_file f ON f.revision = r.id JOIN content t ON t.hash = f.hash
        WHERE c.name = ?1 AND r.hash = ?2 ORDER BY f.path
        """)
      defer { rows.reset() }
      rows.bind(1, channel)
      rows.bind(2, hash)
      var files: [(path: String, content: [UInt8])] = []
      while try rows.step() {
        let (path, content) = (rows.text(0) ?? "", rows.bytes(1) ?? [])
        guard sha256(content) == rows.bytes(2) else {
          throw StoreError(.damaged, "\(path) of a revision of \(channel) doesn't fit its hash: it is damaged")
        }
        files.append((path, content))
      }
      return files
    }
  }

  package func channelKey(_ name: ChannelName) async throws(StoreError) -> Int64? {
    preparer.registry.all.channels.first { $0.value.name == name.text }?.key
  }

  package func laneKeys(_ name: LaneName) async throws(StoreError) -> ChannelKeys.Lane? {
    guard let key = preparer.registry.key(of: name) else { return nil }
    return try await read { reading in
      let row = try reading.connection.statement(
        """
        SELECT c.waiting, c.waiting_bytes, c.last_sequence, l.paused,
          (SELECT min(sequence) FROM delivery INDEXED BY waiting WHERE state = 0 AND lane = l.id)
        FROM lane l JOIN lane_count c ON c.lane = l.id WHERE l.id = ?1
        """)
      defer { row.reset() }
      row.bind(1, key)
      guard try row.step() else { return nil }
      var keys = ChannelKeys.Lane(
        name: name.destination, key: key, waiting: row.int(0), waitingBytes: row.int(1),
        doneThrough: row.optionalInteger(4).map { $0 - 1 } ?? row.integer(2), lastSequence: row.integer(2),
        paused: row.integer(3) != 0)
      keys.awaitsRelease = try OutgoingHold.read(reading.connection)?.holds(key) ?? false
      return keys
    }
  }

  package func deployments() async throws(StoreError) -> [String: DeploymentNote] {
    try await read { reading in
      let rows = try reading.connection.statement(
        "SELECT c.name, m.value FROM channel c JOIN meta m ON m.name = 'deployment/' || c.id")
      defer { rows.reset() }
      var notes: [String: DeploymentNote] = [:]
      while try rows.step() {
        guard let name = rows.text(0), let text = rows.text(1) else { continue }
        // One that can't be read is one of an engine that is newer: what runs is known from the files.
        notes[name] = try? JSONDecoder().decode(DeploymentNote.self, from: Data(text.utf8))
      }
      return notes
    }
  }
}

extension Writer {
  /// Keeps what is known of a channel's deployments.
  func keep(_ note: DeploymentNote, of channel: Int64) throws(SQLiteFailure) {
    guard let text = try? JSONEncoder().encode(note) else { return }
    let row = try connection.statement(
      "INSERT OR REPLACE INTO meta (name, value) VALUES ('deployment/' || ?1, ?2)")
    row.bind(1, channel)
    row.bind(2, String(decoding: text, as: UTF8.self))
    try row.run()
  }
}
