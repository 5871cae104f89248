import Crypto
import Glibc
package import Messages

/// Writes one blob as its bytes come, hashing on the way.
///
/// Used by one caller at a time, as `ContentWriter` asks: hence `@unchecked`.
package final class BlobWriter: ContentWriter, @unchecked Sendable {
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
    bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
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
  func end() throws(StoreError) -> BlobReference {
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
