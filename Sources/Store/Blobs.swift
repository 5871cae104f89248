import Glibc
import Messages

/// The files of large payloads: `blobs/xx/ID`, where xx are the last two letters of the id.
///
/// A blob is named by its own id and owned by one message. It is written in sealed segments of 64 KiB and synced, with
/// its folder, before the row that owns it commits; its file goes only after the commit that removed the row.
struct Blobs: Sendable {
  let folder: String
  let sealer: Sealer
  static let segmentBytes = 64 << 10

  init(folder: String, sealer: Sealer) throws(StoreError) {
    self.folder = folder
    self.sealer = sealer
    try Folder.make(folder)
  }

  func path(_ id: Identifier) -> (folder: String, file: String) {
    let name = id.description
    let inner = folder + "/" + name.suffix(2)
    return (inner, inner + "/" + name)
  }

  /// Writes a blob whole. Durable when it returns.
  func write(_ bytes: [UInt8], id: Identifier, sealed: Bool) throws(StoreError) -> BlobReference {
    let writer = try BlobWriter(blobs: self, id: id, sealed: sealed)
    try writer.write(bytes[...])
    return try writer.end()
  }

  /// A content whole in memory; `nil` where its file is gone, or isn't what was written.
  func read(_ payload: Payload) -> [UInt8]? {
    try? open(payload, isTrusted: false).all()
  }

  func remove(_ id: Identifier) { unlink(path(id).file) }

  static func part(_ index: UInt64, _ isLast: Bool) -> UInt64 { index << 1 | (isLast ? 1 : 0) }
}
