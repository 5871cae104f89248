import Glibc

/// Watches the disk that the store lies on: how much is free, whether the file is still the one that was opened, and
/// the ballast.
struct DiskGuard {
  private let folder: String
  private let file: String
  private let freeBytesMin: Int64
  private let ballastBytes: Int64
  private var device: dev_t = 0
  private var inode: ino_t = 0
  /// The log beside the file, once it was seen. SQLite keeps the one file while a connection is open.
  private var log: (device: dev_t, inode: ino_t)?
  private(set) var hasBallast = false
  private var ballastPath: String { folder + "/ballast" }

  init(folder: String, file: String, settings: StoreSettings) {
    self.folder = folder
    self.file = file
    ballastBytes = Int64(settings.ballastBytes)
    var disk = statvfs()
    let total = statvfs(folder, &disk) == 0 ? Int64(disk.f_blocks) * Int64(disk.f_frsize) : 0
    freeBytesMin = Self.freeBytesMin(settings, diskBytes: total)
    var status = stat()
    if stat(file, &status) == 0 {
      device = status.st_dev
      inode = status.st_ino
    }
  }

  /// Below this free space arrivals are refused.
  static func freeBytesMin(_ settings: StoreSettings, diskBytes: Int64) -> Int64 {
    settings.freeBytesMin ?? max(256 << 20, diskBytes / 50)
  }

  private var freeBytes: Int64 {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return .max }
    return Int64(status.f_bavail) * Int64(status.f_frsize)
  }

  /// How much is free above what must be, so that arrivals are taken.
  var room: Int64 { freeBytes - freeBytesMin - (hasBallast ? 0 : ballastBytes) }

  /// Why arrivals can't be taken, where the disk is too full. A disk that was full must have room for the ballast and
  /// as much again: what the ballast itself gave free doesn't count, or it would be taken back from what it was given
  /// free for.
  func low(wasLow: Bool) -> String? {
    let free = freeBytes
    let needed = wasLow && !hasBallast ? freeBytesMin + 2 * ballastBytes : freeBytesMin
    guard free < needed else { return nil }
    return "the disk of the data folder has \(free >> 20) MiB free and must have \(needed >> 20) MiB"
  }

  /// Whether the names of file and log still lead to those that are open.
  mutating func isSameFile() -> Bool {
    var status = stat()
    guard stat(file, &status) == 0, status.st_dev == device, status.st_ino == inode else { return false }
    let isThere = stat(file + "-wal", &status) == 0
    if let log { return isThere && status.st_dev == log.device && status.st_ino == log.inode }
    if isThere { log = (status.st_dev, status.st_ino) }
    return true
  }

  /// Holds space back, as far as the disk has it.
  mutating func takeBallast() {
    guard !hasBallast, ballastBytes > 0, freeBytes > freeBytesMin + ballastBytes else { return }
    let descriptor = Glibc.open(ballastPath, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    defer { Glibc.close(descriptor) }
    hasBallast = posix_fallocate(descriptor, 0, off_t(ballastBytes)) == 0
    if !hasBallast { unlink(ballastPath) }
  }

  /// Gives the space free, for what is under way.
  mutating func releaseBallast() {
    unlink(ballastPath)
    hasBallast = false
  }
}
