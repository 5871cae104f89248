import Messages

/// The blobs that no message owns yet. Their files are made durable beside what is done with their contents meanwhile:
/// who prepares the message that will own one lets it settle before the message goes to the writer.
final class BlobSyncs: @unchecked Sendable {
  /// Of all stores. Files that are synced side by side share the flushes of the disk and the commits of the file
  /// system.
  private static let crew = StoreCrew("store-sync", threadsMax: 16)

  private struct Sync {
    let writer: BlobWriter
    /// `nil` while it is under way.
    var outcome: Result<Void, StoreError>?
  }

  private let monitor = Monitor()
  private var syncs: [Identifier: Sync] = [:]

  /// All of the blob is written.
  func begin(_ id: Identifier, _ writer: BlobWriter) {
    monitor.locked { syncs[id] = Sync(writer: writer) }
    Self.crew.run { [self] in
      let outcome = Result { () throws(StoreError) in try writer.syncFile() }
      monitor.locked {
        syncs[id]?.outcome = outcome
        monitor.signalAll()
      }
    }
  }

  /// Returns when the blob is on disk under its name; at once where a message owns it. Blocks: call it on a thread that
  /// may wait.
  func settle(_ id: Identifier) throws(StoreError) {
    guard let writer = monitor.locked({ syncs[id]?.writer }) else { return }
    // Behind the file's own, which is nearly done by now: most systems make both durable by one write.
    let folder = Result { () throws(StoreError) in try writer.syncFolder() }
    try file(id).get()
    try folder.get()
    monitor.locked { syncs[id] = nil }
    Failpoint.afterBlob.pass()
  }

  private func file(_ id: Identifier) -> Result<Void, StoreError> {
    monitor.locked {
      while let sync = syncs[id] {
        if let outcome = sync.outcome { return outcome }
        monitor.wait()
      }
      return .success(())
    }
  }

  /// No message will own it. What one owns stays.
  func discard(_ id: Identifier) { monitor.locked { syncs.removeValue(forKey: id) }?.writer.remove() }
}
