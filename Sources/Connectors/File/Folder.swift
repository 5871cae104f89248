import Glibc

/// An open folder. Everything in it is reached by a name relative to its descriptor, so that nothing that happens to
/// the path leads elsewhere, and no symbolic link inside is ever followed.
///
/// Its calls block: they belong on a thread of one's own.
final class Folder: Sendable {
  let descriptor: CInt
  let facts: FileFacts
  private let failpoint: FileFailpoint?

  private init(descriptor: CInt, failpoint: FileFailpoint?) throws(FileFault) {
    self.descriptor = descriptor
    self.failpoint = failpoint
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else {
      let number = errno
      close(descriptor)
      throw FileFault(.openFolder, number)
    }
    self.facts = FileFacts(facts)
  }

  deinit { close(descriptor) }

  private static let folderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC

  /// Opens the folder at a path that a person wrote; links in that path are theirs and are followed.
  static func open(_ path: String, failpoint: FileFailpoint? = nil) throws(FileFault) -> Folder {
    if let number = failpoint?(.openFolder, nil), number != 0 { throw FileFault(.openFolder, number) }
    let descriptor = Glibc.open(path, folderFlags)
    guard descriptor >= 0 else { throw FileFault(.openFolder, errno) }
    return try Folder(descriptor: descriptor, failpoint: failpoint)
  }

  /// Whether this folder still is what the path leads to.
  func isStill(at path: String) -> Bool {
    var found = stat()
    return stat(path, &found) == 0 && FileFacts(found).isSameFile(as: facts)
  }

  /// All names but `.` and `..`, in no order.
  func names() throws(FileFault) -> [FileName] {
    try pass(.list, nil)
    let again = openat(descriptor, ".", Self.folderFlags)
    guard again >= 0 else { throw FileFault(.list, errno) }
    guard let listing = fdopendir(again) else {
      let number = errno
      close(again)
      throw FileFault(.list, number)
    }
    defer { closedir(listing) }
    var names: [FileName] = []
    while true {
      errno = 0
      guard let entry = readdir(listing) else { break }
      let bytes = Self.name(of: entry)
      if bytes != Array(".".utf8), bytes != Array("..".utf8) { names.append(FileName(bytes: bytes)) }
    }
    guard errno == 0 else { throw FileFault(.list, errno) }
    return names
  }

  /// The name is read where it stands: the record is shorter than the type says, and copying it whole would read beyond
  /// it.
  private static func name(of entry: UnsafeMutablePointer<dirent>) -> [UInt8] {
    guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { return [] }
    let start = UnsafeRawPointer(entry) + offset
    let length = strlen(start.assumingMemoryBound(to: CChar.self))
    return Array(UnsafeRawBufferPointer(start: start, count: length))
  }

  /// What a name stands for; a symbolic link is looked at, not followed. `nil` where there is nothing of that name.
  func look(at name: FileName) throws(FileFault) -> FileFacts? {
    try pass(.look, name)
    var facts = stat()
    if fstatat(descriptor, name.terminated, &facts, AT_SYMLINK_NOFOLLOW) == 0 { return FileFacts(facts) }
    guard errno == ENOENT else { throw FileFault(.look, errno) }
    return nil
  }

  /// Opens what is there to be read. Never follows a link and never waits for a pipe's other end; the caller looks at
  /// what it got before it reads.
  func openFile(_ name: FileName) throws(FileFault) -> OpenFile {
    try pass(.open, name)
    let file = openat(descriptor, name.terminated, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    guard file >= 0 else { throw FileFault(.open, errno) }
    return OpenFile(descriptor: file, name: name, failpoint: failpoint)
  }

  /// Makes a file that wasn't there. Others may not read it: what the process's mask leaves to the group is the
  /// operator's word.
  func create(_ name: FileName) throws(FileFault) -> OpenFile {
    try pass(.create, name)
    let file = openat(descriptor, name.terminated, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o660)
    guard file >= 0 else { throw FileFault(.create, errno) }
    return OpenFile(descriptor: file, name: name, failpoint: failpoint)
  }

  /// Renames into a folder of the same file system and never replaces anything there: EEXIST where the name is taken.
  func move(_ name: FileName, to folder: Folder, as newName: FileName) throws(FileFault) {
    try pass(.move, name)
    let number = LinuxCalls.renameWithoutReplacing(
      descriptor, name.terminated, to: folder.descriptor, newName.terminated)
    guard number == 0 else { throw FileFault(.move, number) }
  }

  func remove(_ name: FileName) throws(FileFault) {
    try pass(.remove, name)
    guard unlinkat(descriptor, name.terminated, 0) == 0 else { throw FileFault(.remove, errno) }
  }

  /// A folder in this folder, made (durably) where it is missing. ELOOP or ENOTDIR where something else has the name.
  func subfolder(_ name: FileName) throws(FileFault) -> Folder {
    try pass(.openFolder, name)
    var child = openat(descriptor, name.terminated, Self.folderFlags | O_NOFOLLOW)
    if child < 0, errno == ENOENT {
      try pass(.makeFolder, name)
      guard mkdirat(descriptor, name.terminated, 0o770) == 0 || errno == EEXIST else {
        throw FileFault(.makeFolder, errno)
      }
      try sync()
      child = openat(descriptor, name.terminated, Self.folderFlags | O_NOFOLLOW)
    }
    guard child >= 0 else { throw FileFault(.openFolder, errno) }
    return try Folder(descriptor: child, failpoint: failpoint)
  }

  /// Makes names that were given or taken away durable.
  func sync() throws(FileFault) {
    try pass(.syncFolder, nil)
    guard fsync(descriptor) == 0 else { throw FileFault(.syncFolder, errno) }
  }

  private func pass(_ step: FileStep, _ name: FileName?) throws(FileFault) {
    if let number = failpoint?(step, name), number != 0 { throw FileFault(step, number) }
  }
}
