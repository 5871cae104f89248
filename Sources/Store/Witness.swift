/// Remembers, outside the database, how many commits there were: a page of memory shared with a file.
///
/// SQLite takes a write-ahead log that was cut off for the end of the log and silently goes on without the commits
/// that stood behind. The number here is written after each commit, without a system call; it survives the death of
/// the process, and after a power cut it is at most too small. A database that knows fewer commits than its witness
/// has lost some.
final class Witness {
  private let memory: SharedMemory

  init(_ path: String) throws(StoreError) { memory = try SharedMemory(path, bytes: 4_096) }

  var commit: Int64 {
    get { Int64(bitPattern: memory[0]) }
    set { memory[0] = UInt64(bitPattern: newValue) }
  }
}
