import Glibc

/// What a store is opened with. The defaults are those of production; tests make them small.
package struct StoreSettings: Sendable {
  /// The key that wraps the data keys. It is kept apart from the data folder; without it nothing sealed can be read.
  package struct MasterKey: Sendable {
    /// Names the key, so that a wrong one is refused by name.
    package var id: String
    /// 32 bytes.
    package var bytes: [UInt8]
    package init(id: String, bytes: [UInt8]) {
      self.id = id
      self.bytes = bytes
    }
  }

  /// The clocks, as parameters: milliseconds since 1970, and nanoseconds that only grow.
  package struct Clock: Sendable {
    package var wall: @Sendable () -> Int64
    package var monotonic: @Sendable () -> UInt64
    package init(wall: @escaping @Sendable () -> Int64, monotonic: @escaping @Sendable () -> UInt64) {
      self.wall = wall
      self.monotonic = monotonic
    }
    package static let system = Clock(
      wall: { Int64(nanoseconds(CLOCK_REALTIME) / 1_000_000) }, monotonic: { nanoseconds(CLOCK_MONOTONIC) })
  }

  /// `nil`: no channel of this store is sealed; a registration that wants sealing is refused.
  package var masterKey: MasterKey?
  package var clock = Clock.system
  /// The name of the installation that the store belongs to: a store of another one sends nothing (`OutgoingHold`).
  /// `nil`: nobody asks.
  package var site: String?

  /// A group of the writer holds at most so many arrivals; larger groups were slower with senders that wait for their
  /// answer, as long as the disk is quick. For each millisecond that a commit takes it holds as many more.
  package var groupUnitsMax = 16
  /// `delivered` waits at most so long for a group that it can ride on.
  package var rideMilliseconds = 2
  /// What waits for the writer, beyond which an arrival is answered `unavailable`.
  package var queueUnitsMax = 65_536
  package var queueBytesMax = 256 << 20

  /// A payload of at least this size is a file of its own.
  package var blobBytesMin = 256 << 10
  /// Arrivals are refused below this much free space; `nil`: 2 % of the disk, at least 256 MiB.
  package var freeBytesMin: Int64?
  /// Space held back on the disk, given free when it is full so that what is under way can still be written.
  package var ballastBytes = 32 << 20
  /// How often a full disk is looked at again.
  package var pollMilliseconds = 500
  /// How long a foreign writer of the file is waited for.
  package var busyMilliseconds = 2_000

  /// The write-ahead log is carried over into the file at about this size.
  package var checkpointBytes = 64 << 20
  /// The log is cut back when it has grown beyond this, because a reader was in the way.
  package var truncateBytes = 512 << 20
  package var idleCheckpointMilliseconds = 1_000

  /// Threads that read.
  package var readers = 2
  /// At most so many rows are looked at for one list, the newest first, so that a reader ends within seconds.
  package var listRowsMax = 300_000
  /// New rows are carried into the search index in sorted runs of this many messages.
  package var runMessages = 4_096
  /// Duplicate keys that are held in memory; older ones are looked up in the file.
  package var duplicateKeysMax = 400_000

  /// Called at each failpoint of the writer; what it returns is taken for what SQLite returned there (0: go on). For
  /// tests.
  package var failure: (@Sendable (Failpoint) -> Int32)?

  package init() {}
}

/// A clock of the system in nanoseconds.
func nanoseconds(_ clock: clockid_t) -> UInt64 {
  var time = timespec()
  clock_gettime(clock, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
