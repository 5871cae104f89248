import Glibc
import Messages

/// The files of large payloads: `blobs/x/ID`, where x is the last letter of the id. There are few folders, because what
/// is written together should lie together: with a thousand of them each file touched blocks of its own, which cost a
/// tenth of what a disk takes.
///
/// A blob is named by its own id and owned by one message. It is written in sealed segments of 64 KiB and synced, with
/// its folder, before the row that owns it is handed to the writer; its file goes only after the commit that removed
/// the row.
struct Blobs: Sendable {
  let folder: String
  let sealer: Sealer
  let syncs = BlobSyncs()
  static let segmentBytes = 64 << 10

  init(folder: String, sealer: Sealer) throws(StoreError) {
    self.folder = folder
    self.sealer = sealer
    try Folder.make(folder)
    let found = Folder.names(folder)
    let inner = Identifier.letters.map(String.init)
    if found.sorted() == inner.sorted() { return }
    for name in inner { try Folder.make(folder + "/" + name) }
    try moveFromOlderFolders(found)
    try Folder.sync(folder)
  }

  /// Stores exist whose folders are named by two letters.
  private func moveFromOlderFolders(_ names: [String]) throws(StoreError) {
    let older = names.filter { $0.utf8.count == 2 }
    for inner in older {
      for name in Folder.names("\(folder)/\(inner)") {
        guard let id = Identifier(name) else { continue }
        let old = "\(folder)/\(inner)/\(name)"
        guard rename(old, path(id).file) == 0 else { throw Folder.failure("move", old) }
      }
    }
    if older.isEmpty { return }
    for letter in Identifier.letters { try Folder.sync("\(folder)/\(letter)") }
    for inner in older { rmdir("\(folder)/\(inner)") }
  }

  func path(_ id: Identifier) -> (folder: String, file: String) {
    let inner = "\(folder)/\(Self.inner(id))"
    return (inner, "\(inner)/\(id)")
  }

  /// The name of its folder among the others.
  static func inner(_ id: Identifier) -> String { String(id.description.suffix(1)) }

  /// Writes a blob whole. Durable when it returns.
  func write(_ bytes: [UInt8], id: Identifier, sealed: Bool) throws(StoreError) -> BlobReference {
    let writer = try BlobWriter(blobs: self, id: id, sealed: sealed)
    try writer.write(bytes[...])
    let blob = try writer.end()
    try syncs.settle(id)
    return blob
  }

  /// A content whole in memory; `nil` where its file is gone, or isn't what was written.
  func read(_ payload: Payload) -> [UInt8]? {
    try? open(payload, isTrusted: false).all()
  }

  func remove(_ id: Identifier) { unlink(path(id).file) }

  static func part(_ index: UInt64, _ isLast: Bool) -> UInt64 { index << 1 | (isLast ? 1 : 0) }
}
