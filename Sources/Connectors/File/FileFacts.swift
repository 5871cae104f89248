import Glibc

/// What the file system says of a name, without following it.
struct FileFacts: Hashable, Sendable {
  enum Kind: String, Sendable {
    case file = "a file"
    case folder = "a folder"
    case symbolicLink = "a symbolic link"
    case pipe = "a pipe"
    case socket = "a socket"
    case device = "a device"
    case other = "of a kind that is unknown"
  }

  let kind: Kind
  let device: UInt64
  let inode: UInt64
  let byteCount: Int
  /// Nanoseconds since 1970 of the last change of the content.
  let modified: Int64
  /// Nanoseconds since 1970 of the last change of anything, the name among it.
  let changed: Int64

  init(_ facts: stat) {
    kind =
      switch facts.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      case S_IFLNK: .symbolicLink
      case S_IFIFO: .pipe
      case S_IFSOCK: .socket
      case S_IFCHR, S_IFBLK: .device
      default: .other
      }
    device = UInt64(facts.st_dev)
    inode = UInt64(facts.st_ino)
    byteCount = Int(facts.st_size)
    modified = Self.nanoseconds(facts.st_mtim)
    changed = Self.nanoseconds(facts.st_ctim)
  }

  /// The same file with the same content, whatever it is called by now: a rename alters `changed` and nothing else.
  func isSameContent(as other: FileFacts) -> Bool {
    isSameFile(as: other) && byteCount == other.byteCount && modified == other.modified
  }

  func isSameFile(as other: FileFacts) -> Bool { device == other.device && inode == other.inode && kind == other.kind }

  /// What a message of this file is known by, over restarts of the engine.
  var transportKey: String { "\(device):\(inode):\(byteCount):\(modified)" }

  /// A file system may give any time: the sum wraps rather than traps.
  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
