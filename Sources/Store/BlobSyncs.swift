import Glibc
import Messages

/// The blobs that no message owns yet. Their files are made durable beside what is done with their contents meanwhile:
/// who prepares the message that will own one lets it settle before the message goes to the writer.
final class BlobSyncs: @unchecked Sendable {
  /// Of all stores. Files that are synced side by side share the flushes of the disk and the commits of the file
  /// system.
  private static let crew = StoreCrew("store-sync", threadsMax: 16)

  private struct Sync {
    let path: (folder: String, file: String)
    /// `nil` while it is under way.
    var outcome: Result<Void, StoreError>?
  }

  private let monitor = Monitor()
  private var syncs: [Identifier: Sync] = [:]

  /// All of the blob is written to its file.
  ///
  /// - Parameter sync: makes the file durable.
  func begin(
    _ id: Identifier, at path: (folder: String, file: String),
    _ sync: @escaping @Sendable () throws(StoreError) -> Void
  ) {
    monitor.locked { syncs[id] = Sync(path: path) }
    Self.crew.run { [self] in
      let outcome = Result { () throws(StoreError) in try sync() }
      monitor.locked {
        syncs[id]?.outcome = outcome
        monitor.signalAll()
      }
    }
  }

  /// Returns when the blob is on disk under its name; at once where a message owns it. Its file is removed where that
  /// fails. Blocks: call it on a thread that may wait.
  func settle(_ id: Identifier) throws(StoreError) {
    guard let path = monitor.locked({ syncs[id]?.path }) else { return }
    do throws(StoreError) {
      // Behind the file's own, which is nearly done by now: most systems make both durable by one write.
      let folder = Result { () throws(StoreError) in try Folder.sync(path.folder) }
      try file(id).get()
      try folder.get()
    } catch {
      discard(id)
      throw error
    }
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
  func discard(_ id: Identifier) {
    if let sync = monitor.locked({ syncs.removeValue(forKey: id) }) { unlink(sync.path.file) }
  }
}
