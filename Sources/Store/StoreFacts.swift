import Glibc
import Synchronization

/// What an operator wants to know of the disk under a store, and of how quick it is.
package struct StoreFacts: Sendable, Codable, Equatable {
  /// Free to this user on the disk of the data folder, and its size.
  package var diskFreeBytes: Int64
  package var diskBytes: Int64
  /// Below this nothing is taken.
  package var diskFreeBytesMin: Int64
  /// The store's file, and its log. Large payloads are files of their own and are not in here.
  package var fileBytes: Int64
  package var logBytes: Int64
  package var commits: CommitDurations

  package init(
    diskFreeBytes: Int64, diskBytes: Int64, diskFreeBytesMin: Int64, fileBytes: Int64 = 0, logBytes: Int64 = 0,
    commits: CommitDurations = CommitDurations()
  ) {
    self.diskFreeBytes = diskFreeBytes
    self.diskBytes = diskBytes
    self.diskFreeBytesMin = diskFreeBytesMin
    self.fileBytes = fileBytes
    self.logBytes = logBytes
    self.commits = commits
  }
}

/// How long commits took since the start: each is a sync of the disk, and what senders wait for.
package struct CommitDurations: Sendable, Codable, Equatable {
  /// Upper bounds in microseconds; what took longer is in the last count.
  package static let boundsMicroseconds = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
  ]
  /// One more than there are bounds; each commit is counted once.
  package var counts: [Int]
  package var sumMicroseconds: Int

  package init(counts: [Int] = [], sumMicroseconds: Int = 0) {
    self.counts = counts.isEmpty ? Array(repeating: 0, count: Self.boundsMicroseconds.count + 1) : counts
    self.sumMicroseconds = sumMicroseconds
  }

  /// Counts one more.
  package mutating func note(nanoseconds: UInt64) {
    let took = Int(clamping: nanoseconds / 1_000)
    counts[Self.boundsMicroseconds.firstIndex { took <= $0 } ?? Self.boundsMicroseconds.count] += 1
    sumMicroseconds += took
  }
}

/// The durations as the writer counts them and anybody reads them.
final class CommitClock: Sendable {
  private let durations = Mutex(CommitDurations())

  func note(nanoseconds: UInt64) { durations.withLock { $0.note(nanoseconds: nanoseconds) } }
  var read: CommitDurations { durations.withLock { $0 } }
}

extension Store {
  /// Nothing is known of a store that has no disk of its own.
  package func facts() -> StoreFacts? { nil }
}

extension SQLiteStore {
  package func facts() -> StoreFacts? {
    var disk = statvfs()
    guard statvfs(folder, &disk) == 0 else { return nil }
    func size(_ name: String) -> Int64 {
      var status = stat()
      return stat("\(folder)/\(name)", &status) == 0 ? Int64(status.st_size) : 0
    }
    let block = Int64(disk.f_frsize)
    let total = Int64(disk.f_blocks) * block
    return StoreFacts(
      diskFreeBytes: Int64(disk.f_bavail) * block, diskBytes: total,
      diskFreeBytesMin: DiskGuard.freeBytesMin(settings, diskBytes: total), fileBytes: size("hilum.db"),
      logBytes: size("hilum.db-wal"), commits: queue.commits.read)
  }
}
