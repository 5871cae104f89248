import Dispatch
import Messages
import Synchronization

/// The blobs that no message owns yet. Their files are made durable beside what is done with their contents meanwhile:
/// who prepares the message that will own one lets it settle before the message goes to the writer.
final class BlobSyncs: Sendable {
  private final class Sync: Sendable {
    let writer: BlobWriter
    let work = DispatchGroup()
    let failure = Mutex<StoreError?>(nil)

    init(_ writer: BlobWriter) { self.writer = writer }
  }

  private static let queue = DispatchQueue(label: "hilum.blobs", attributes: .concurrent)
  private let syncs = Mutex<[Identifier: Sync]>([:])

  /// All of the blob is written.
  func begin(_ id: Identifier, _ writer: BlobWriter) {
    let sync = Sync(writer)
    syncs.withLock { $0[id] = sync }
    Self.queue.async(group: sync.work) {
      do throws(StoreError) {
        try writer.syncFile()
      } catch {
        sync.failure.withLock { $0 = error }
      }
    }
  }

  /// Returns when the blob is on disk under its name; at once where a message owns it. Blocks: call it on a thread that
  /// may wait.
  func settle(_ id: Identifier) throws(StoreError) {
    guard let sync = syncs.withLock({ $0[id] }) else { return }
    // Behind the file's own, which is nearly done by now: most systems make both durable by one write.
    let folder = Result { () throws(StoreError) in try sync.writer.syncFolder() }
    sync.work.wait()
    if let failure = sync.failure.withLock({ $0 }) { throw failure }
    try folder.get()
    syncs.withLock { $0[id] = nil }
    Failpoint.afterBlob.pass()
  }

  /// No message will own it. What one owns stays.
  func discard(_ id: Identifier) {
    guard let sync = syncs.withLock({ $0.removeValue(forKey: id) }) else { return }
    sync.writer.remove()
  }
}
