import Crypto
import Glibc
package import Messages

/// Writes one blob as its bytes come, hashing on the way.
///
/// What the sender waits for is the disk. So the last bytes are hashed when they are on their way there, while the file
/// is made durable beside it (`BlobSyncs`).
///
/// Used by one caller at a time, as `ContentWriter` asks, and by the thread that syncs: hence `@unchecked`.
package final class BlobWriter: ContentWriter, @unchecked Sendable {
  /// Segments that are written and not hashed yet.
  private static let unhashedMax = 16

  private let blobs: Blobs
  private let id: Identifier
  private let sealed: Bool
  private let descriptor: Int32
  /// The next segment. One is always kept back, because the last one is marked as such.
  private var segment: [UInt8] = []
  private var unhashed: [[UInt8]] = []
  private var slab = Slab(reserving: 0)
  private var hash = SHA256()
  private var byteCount = 0
  private var segments: UInt64 = 0
  private var isDone = false

  init(blobs: Blobs, id: Identifier, sealed: Bool) throws(StoreError) {
    self.blobs = blobs
    self.id = id
    self.sealed = sealed
    let file = blobs.path(id).file
    let descriptor = Glibc.open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Folder.failure("make", file) }
    self.descriptor = descriptor
    segment.reserveCapacity(Blobs.segmentBytes)
  }

  deinit {
    Glibc.close(descriptor)
    if !isDone { blobs.remove(id) }
  }

  package func append(_ bytes: ArraySlice<UInt8>) throws(StagingError) {
    do throws(StoreError) {
      try write(bytes)
    } catch {
      throw StagingError(error.reason)
    }
  }

  package func finish() throws(StagingError) -> BlobReference {
    do throws(StoreError) {
      return try end()
    } catch {
      throw StagingError(error.reason)
    }
  }

  func write(_ bytes: ArraySlice<UInt8>) throws(StoreError) {
    byteCount += bytes.count
    var rest = bytes
    while !rest.isEmpty {
      if segment.count == Blobs.segmentBytes { try writeSegment(isLast: false) }
      let piece = rest.prefix(Blobs.segmentBytes - segment.count)
      segment.append(contentsOf: piece)
      rest.removeFirst(piece.count)
    }
  }

  /// Seals the rest; file and name become durable beside what the caller does next, and are so when the blob has
  /// settled.
  func end() throws(StoreError) -> BlobReference {
    try writeSegment(isLast: true)
    isDone = true
    blobs.syncs.begin(id, at: blobs.path(id)) { [self] () throws(StoreError) in try sync() }
    hashRest()
    return BlobReference(id: id, byteCount: byteCount, sha256: hash.finalize().withUnsafeBytes { [UInt8]($0) })
  }

  private func writeSegment(isLast: Bool) throws(StoreError) {
    let part = Blobs.part(segments, isLast)
    segments += 1
    slab.bytes.removeAll(keepingCapacity: true)
    slab.bytes.reserveCapacity(segment.count + 32)
    _ = blobs.sealer.seal(segment, sealed: sealed, owner: 0, id: id, kind: .blob, part: part, into: &slab)
    guard slab.bytes.withUnsafeBytes({ Folder.write(descriptor, $0) }) else {
      throw Folder.failure("write", blobs.path(id).file)
    }
    unhashed.append(segment)
    if unhashed.count == Self.unhashedMax { hashRest() }
    segment = []
    if !isLast { segment.reserveCapacity(Blobs.segmentBytes) }
  }

  private func hashRest() {
    for segment in unhashed { segment.withUnsafeBytes { hash.update(bufferPointer: $0) } }
    unhashed.removeAll(keepingCapacity: true)
  }

  private func sync() throws(StoreError) {
    guard fdatasync(descriptor) == 0 else { throw Folder.failure("sync", blobs.path(id).file) }
  }
}
