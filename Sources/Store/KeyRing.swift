import CSQLite
import Crypto
import FoundationEssentials
import Glibc
import Messages

/// The data keys of a store, one a day, each wrapped by the master key, and the secret of the blind indexes (id 0).
///
/// A rotation wraps all of them again with a new master key; what they sealed stays as it is.
enum KeyRing {
  private static let secretID: Int64 = 0

  /// Loads the keys into `sealer` and returns the secret of the blind indexes, made where there is none.
  static func load(
    _ connection: Connection, master: StoreSettings.MasterKey?, now: Int64, into sealer: Sealer
  ) throws(StoreError) -> BlindIndex {
    let key = try symmetric(master)
    var secret: [UInt8]?
    var newest: (id: UInt32, key: SymmetricKey, day: Int64)?
    for row in try inStoreWords({ () throws(SQLiteFailure) in try rows(connection) }) {
      guard let bytes = try? unwrap(row, master: master, key: key) else {
        throw StoreError(.refused, refusal(row.master, master))
      }
      guard bytes.count == 32 else {
        throw StoreError(
          .damaged, "data key \(row.id) of the store has \(bytes.count) bytes; it needs 32. \(SQLiteFailure.advice)")
      }
      if row.id == secretID {
        secret = bytes
      } else {
        let id = UInt32(truncatingIfNeeded: row.id)
        newest = (id, SymmetricKey(data: bytes), row.madeAt / 86_400_000)
        sealer.add(SymmetricKey(data: bytes), id: id, current: false)
      }
    }
    if let newest, newest.day == now / 86_400_000 { sealer.add(newest.key, id: newest.id, current: true) }
    if let secret { return BlindIndex(secret: secret) }
    let made = random32()
    try inStoreWords { () throws(SQLiteFailure) in
      try insert(connection, id: secretID, made, now: now, master: master, key: key)
    }
    return BlindIndex(secret: made)
  }

  private struct Row {
    var id: Int64
    var madeAt: Int64
    var master: String
    var wrapped: [UInt8]
  }

  private static func rows(_ connection: Connection) throws(SQLiteFailure) -> [Row] {
    let statement = try connection.statement("SELECT id, made_at, master, wrapped FROM data_key ORDER BY id")
    defer { statement.reset() }
    var rows: [Row] = []
    while try statement.step() {
      rows.append(
        Row(
          id: statement.integer(0), madeAt: statement.integer(1), master: statement.text(2) ?? "",
          wrapped: statement.bytes(3) ?? []))
    }
    return rows
  }

  /// Makes the key of a new day. Call inside a transaction, and `sealer.add` after its commit.
  static func make(
    _ connection: Connection, master: StoreSettings.MasterKey, now: Int64
  ) throws(SQLiteFailure) -> (id: UInt32, key: SymmetricKey) {
    let id = (try connection.number("SELECT max(id) FROM data_key") ?? 0) + 1
    let made = random32()
    try insert(connection, id: id, made, now: now, master: master, key: SymmetricKey(data: master.bytes))
    return (UInt32(truncatingIfNeeded: id), SymmetricKey(data: made))
  }

  /// Wraps every key again. Call inside a transaction.
  static func rewrap(
    _ connection: Connection, from: StoreSettings.MasterKey?, to: StoreSettings.MasterKey
  ) throws(SQLiteFailure) {
    let old = from.map { SymmetricKey(data: $0.bytes) }
    let update = try connection.statement("UPDATE data_key SET master = ?1, wrapped = ?2 WHERE id = ?3")
    for row in try rows(connection) {
      guard let bytes = try? unwrap(row, master: from, key: old) else {
        throw SQLiteFailure(code: SQLITE_CORRUPT, systemError: 0, doing: "unwrap data key \(row.id)")
      }
      update.bind(1, to.id)
      update.bind(2, wrap(bytes, id: row.id, by: SymmetricKey(data: to.bytes)))
      update.bind(3, row.id)
      try update.run()
    }
  }

  // MARK: Wrapping

  private static func symmetric(_ master: StoreSettings.MasterKey?) throws(StoreError) -> SymmetricKey? {
    guard let master else { return nil }
    guard master.bytes.count == 32, !master.id.isEmpty else {
      throw StoreError(.refused, "the master key \(master.id) has \(master.bytes.count) bytes; it needs 32 and a name")
    }
    return SymmetricKey(data: master.bytes)
  }

  private static func insert(
    _ connection: Connection, id: Int64, _ bytes: [UInt8], now: Int64, master: StoreSettings.MasterKey?,
    key: SymmetricKey?
  ) throws(SQLiteFailure) {
    let row = try connection.statement("INSERT INTO data_key (id, made_at, master, wrapped) VALUES (?1, ?2, ?3, ?4)")
    row.bind(1, id)
    row.bind(2, now)
    row.bind(3, master?.id ?? "")
    row.bind(4, key.map { wrap(bytes, id: id, by: $0) } ?? bytes)
    try row.run()
  }

  private static func aad(_ id: Int64) -> [UInt8] {
    Sealer.aad(owner: id, id: Identifier(high: 0, low: 0), kind: .key)
  }

  private static func wrap(_ bytes: [UInt8], id: Int64, by key: SymmetricKey) -> [UInt8] {
    guard let box = try? AES.GCM.seal(bytes, using: key, authenticating: aad(id)), let combined = box.combined else {
      preconditionFailure("AES-GCM refused a key of the right size")
    }
    return [UInt8](combined)
  }

  private static func unwrap(_ row: Row, master: StoreSettings.MasterKey?, key: SymmetricKey?) throws -> [UInt8] {
    if row.master.isEmpty { return row.wrapped }
    guard let key, row.master == master?.id else { throw Sealer.Damaged() }
    return [UInt8](try AES.GCM.open(AES.GCM.SealedBox(combined: row.wrapped), using: key, authenticating: aad(row.id)))
  }

  private static func refusal(_ wrappedBy: String, _ master: StoreSettings.MasterKey?) -> String {
    guard let master else {
      return "the store is sealed with the master key \(wrappedBy), and none was given"
    }
    return master.id == wrappedBy
      ? "the master key \(master.id) that was given is not the one that the store was sealed with"
      : "the store is sealed with the master key \(wrappedBy); \(master.id) was given"
  }

  private static func random32() -> [UInt8] { SymmetricKey(size: .bits256).withUnsafeBytes { [UInt8]($0) } }
}
