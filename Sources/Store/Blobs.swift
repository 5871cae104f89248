import Crypto
import FoundationEssentials
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
    try writer.append(bytes)
    return try writer.finish()
  }

  /// The content of a blob, or `nil` where its file is gone or doesn't open: what it should be is checked by its hash.
  func read(_ blob: BlobReference) -> [UInt8]? {
    let descriptor = Glibc.open(path(blob.id).file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { Glibc.close(descriptor) }
    guard let head = Folder.read(descriptor, 4), head.count == 4, lseek(descriptor, 0, SEEK_SET) == 0 else {
      return nil
    }
    let overhead = head == [0, 0, 0, 0] ? 4 : 32
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(blob.byteCount, 1 << 30))
    var index: UInt64 = 0
    var isLast = false
    while !isLast {
      isLast = bytes.count + Self.segmentBytes >= blob.byteCount
      guard let segment = Folder.read(descriptor, Self.segmentBytes + overhead), !segment.isEmpty,
        let opened = try? sealer.open(segment, owner: 0, id: blob.id, kind: .blob, part: Self.part(index, isLast))
      else { return nil }
      bytes.append(contentsOf: opened)
      guard bytes.count <= blob.byteCount else { return nil }
      index += 1
    }
    return bytes.count == blob.byteCount ? bytes : nil
  }

  func remove(_ id: Identifier) { unlink(path(id).file) }

  static func part(_ index: UInt64, _ isLast: Bool) -> UInt64 { index << 1 | (isLast ? 1 : 0) }
}

/// Writes one blob as its bytes come, hashing on the way. Not safe to share.
final class BlobWriter {
  private let blobs: Blobs
  private let id: Identifier
  private let sealed: Bool
  private let descriptor: Int32
  private var pending: [UInt8] = []
  private var hash = SHA256()
  private var byteCount = 0
  private var segments: UInt64 = 0
  private var isDone = false

  init(blobs: Blobs, id: Identifier, sealed: Bool) throws(StoreError) {
    self.blobs = blobs
    self.id = id
    self.sealed = sealed
    let (folder, file) = blobs.path(id)
    var descriptor = Glibc.open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor < 0, errno == ENOENT {
      try Folder.make(folder)
      try Folder.sync(blobs.folder)
      descriptor = Glibc.open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    }
    guard descriptor >= 0 else { throw Folder.failure("make", file) }
    self.descriptor = descriptor
  }

  deinit {
    Glibc.close(descriptor)
    if !isDone { blobs.remove(id) }
  }

  func append(_ bytes: [UInt8]) throws(StoreError) {
    hash.update(data: bytes)
    byteCount += bytes.count
    pending.append(contentsOf: bytes)
    // One segment is always kept back, because the last one is marked as such.
    var start = 0
    while pending.count - start > Blobs.segmentBytes {
      try write(pending[start..<start + Blobs.segmentBytes], isLast: false)
      start += Blobs.segmentBytes
    }
    pending.removeFirst(start)
  }

  /// Seals the rest and makes file and name durable.
  func finish() throws(StoreError) -> BlobReference {
    try write(pending[...], isLast: true)
    let path = blobs.path(id)
    guard fdatasync(descriptor) == 0 else { throw Folder.failure("sync", path.file) }
    try Folder.sync(path.folder)
    isDone = true
    Failpoint.afterBlob.pass()
    return BlobReference(id: id, byteCount: byteCount, sha256: hash.finalize().withUnsafeBytes { [UInt8]($0) })
  }

  private func write(_ segment: ArraySlice<UInt8>, isLast: Bool) throws(StoreError) {
    let part = Blobs.part(segments, isLast)
    segments += 1
    let bytes = blobs.sealer.seal([UInt8](segment), sealed: sealed, owner: 0, id: id, kind: .blob, part: part)
    guard bytes.withUnsafeBytes({ Folder.write(descriptor, $0) }) else {
      throw Folder.failure("write", blobs.path(id).file)
    }
  }
}
