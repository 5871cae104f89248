import Glibc

/// The system calls of the data folder, with errors in words.
enum Folder {
  static func failure(_ doing: String, _ path: String) -> StoreError {
    StoreError(.io, "could not \(doing) \(path): \(String(cString: strerror(errno)))")
  }

  /// Makes a folder that only its owner may enter.
  static func make(_ path: String) throws(StoreError) {
    if mkdir(path, 0o700) == 0 { return }
    guard errno == EEXIST else { throw failure("make the folder", path) }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw StoreError(.refused, "\(path) is not a folder")
    }
    if status.st_mode & 0o077 != 0, chmod(path, 0o700) != 0 { throw failure("close to others", path) }
  }

  /// Makes the names in a folder durable.
  static func sync(_ path: String) throws(StoreError) {
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open the folder", path) }
    defer { Glibc.close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("sync the folder", path) }
  }

  /// Writes all of `bytes`, going on after short writes and signals.
  static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0 {
        if errno == EINTR { continue }
        return false
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    return true
  }

  /// Reads until `count` bytes are there or the file ends; `nil` where reading fails.
  static func read(_ descriptor: Int32, _ count: Int) -> [UInt8]? {
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while initialized < count {
        let got = Glibc.read(descriptor, buffer.baseAddress! + initialized, count - initialized)
        if got < 0, errno == EINTR { continue }
        if got < 0 { failed = true }
        if got <= 0 { return }
        initialized += got
      }
    }
    return failed ? nil : bytes
  }

  /// The same from a place of the file on; the descriptor's own place stays.
  static func read(_ descriptor: Int32, _ count: Int, at offset: Int) -> [UInt8]? {
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while initialized < count {
        let got = pread(descriptor, buffer.baseAddress! + initialized, count - initialized, off_t(offset + initialized))
        if got < 0, errno == EINTR { continue }
        if got < 0 { failed = true }
        if got <= 0 { return }
        initialized += got
      }
    }
    return failed ? nil : bytes
  }

  /// Whether there is anything of this name; a link counts by itself.
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Removes a folder with all that is in it, following no link; what isn't there needs no removing.
  static func removeTree(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      unlink(path)
      return
    }
    for name in names(path) { removeTree(path + "/" + name) }
    rmdir(path)
  }

  static func size(_ path: String) -> Int64? {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_size) : nil
  }

  /// The names in a folder without `.` and `..`; empty where it can't be read.
  static func names(_ path: String) -> [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Copies a file and makes the copy durable, whole or not at all.
  static func copy(_ from: String, to: String, in folder: String) throws(StoreError) {
    let source = Glibc.open(from, O_RDONLY | O_CLOEXEC)
    guard source >= 0 else { throw failure("open", from) }
    defer { Glibc.close(source) }
    let part = to + ".part"
    let target = Glibc.open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard target >= 0 else { throw failure("make", part) }
    var isWhole = false
    defer {
      Glibc.close(target)
      // What was written of it would only fill the disk.
      if !isWhole { unlink(part) }
    }
    while true {
      guard let bytes = read(source, 1 << 20) else { throw failure("read", from) }
      if bytes.isEmpty { break }
      guard bytes.withUnsafeBytes({ write(target, $0) }) else { throw failure("write", part) }
    }
    guard fsync(target) == 0 else { throw failure("sync", part) }
    guard rename(part, to) == 0 else { throw failure("rename", part) }
    isWhole = true
    try sync(folder)
  }
}

/// Holds the data folder for one engine. The lock ends with the process, however that ends, and children don't inherit
/// it.
final class FolderLock: Sendable {
  private let descriptor: Int32

  init(_ folder: String) throws(StoreError) {
    let path = folder + "/lock"
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Folder.failure("open", path) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      let owner = Folder.read(descriptor, 32).map { String(decoding: $0.prefix { $0 != 0x0A }, as: UTF8.self) } ?? ""
      Glibc.close(descriptor)
      guard reason == EWOULDBLOCK else {
        throw StoreError(.io, "could not lock \(path): \(String(cString: strerror(reason)))")
      }
      throw StoreError(
        .refused,
        "\(folder) is in use by another engine (process \(owner.isEmpty ? "unknown" : owner)). Stop it first, or "
          + "give this one its own data folder.")
    }
    self.descriptor = descriptor
    let owner = [UInt8]("\(getpid())\n".utf8)
    _ = ftruncate(descriptor, 0)
    _ = owner.withUnsafeBytes { Folder.write(descriptor, $0) }
  }

  deinit {
    // Said aloud: a child that is just being started may still hold the descriptor.
    flock(descriptor, LOCK_UN)
    Glibc.close(descriptor)
  }
}
