import CSQLite
import Glibc

/// A copy that is under way, and who waits for it.
struct Copying {
  var copy: StoreCopy
  /// When it goes on, on the system's monotonic clock.
  var nextStep: UInt64 = 0
  /// Gets the moment as of which the copy is, in milliseconds since 1970.
  var done: @Sendable (Result<Int64, StoreError>) -> Void
}

// A backup's copy of the file, made between the groups.

extension Writer {
  /// Half a MiB: a group waits for one such step at most.
  private static let stepPages: Int32 = 128
  /// A copy gives up before the disk is so full that arrivals would be refused.
  private static let roomMin: Int64 = 16 << 20

  func beginCopy(to path: String, _ done: @escaping @Sendable (Result<Int64, StoreError>) -> Void) {
    do throws(StoreError) {
      guard !isLost else { throw StoreError(.io, "the store is lost: nothing is copied any more") }
      guard copying == nil else { throw StoreError(.refused, "another backup is being made") }
      let needed = try inStoreWords { () throws(SQLiteFailure) in
        (try connection.number("PRAGMA page_count") ?? 0) * Int64(pageBytes) + Int64(logBytes)
      }
      guard disk.room >= needed + Self.roomMin else {
        throw StoreError(
          .refused,
          "a backup begins with a copy of the store's file in the data folder: it needs \(needed >> 20) MiB there, and "
            + "there are \(max(0, disk.room) >> 20) MiB above what the engine must have free")
      }
      let copy = try inStoreWords { () throws(SQLiteFailure) in try StoreCopy(of: connection, to: path) }
      // A blob that the copy knows must be there until it was copied too.
      keepsTrash = true
      copying = Copying(copy: copy, done: done)
    } catch {
      done(.failure(error))
    }
  }

  /// Copies a little where it is time to.
  func goOnCopying() {
    guard var current = copying, connection.isAutocommit else { return }
    let start = nanoseconds(CLOCK_MONOTONIC)
    guard start >= current.nextStep else { return }
    guard condition.isOpen, disk.room >= Self.roomMin else {
      return endCopying(StoreError(.io, "the backup was given up: the disk of the data folder has no room for it"))
    }
    do throws(SQLiteFailure) {
      let isWhole = try current.copy.step(pages: Self.stepPages)
      Failpoint.inBackup.pass()
      if isWhole {
        copying = nil
        return current.done(.success(settings.clock.wall()))
      }
    } catch {
      return endCopying(StoreError(.io, "the backup was given up: \(error)"))
    }
    // Half of this thread's time at most.
    let now = nanoseconds(CLOCK_MONOTONIC)
    current.nextStep = now + (now - start)
    copying = current
  }

  func endCopying(_ reason: StoreError) {
    guard let current = copying else { return }
    copying = nil
    keepsTrash = false
    current.copy.end()
    current.done(.failure(reason))
  }

  /// The blobs of a copy were taken, or are not wanted any more.
  func letTrashGo() {
    guard copying == nil else { return }
    keepsTrash = false
    try? emptyTrash()
  }
}
