import Glibc

/// Calls of Linux that Swift's Glibc module hides because it is compiled without `_GNU_SOURCE`. Looked up once by name.
enum LinuxCalls {
  private typealias RenameAt2 =
    @convention(c) @Sendable (CInt, UnsafePointer<CChar>, CInt, UnsafePointer<CChar>, CUnsignedInt) -> CInt
  private typealias SetAttribute =
    @convention(c) @Sendable (CInt, UnsafePointer<CChar>, UnsafeRawPointer?, Int, CInt) -> CInt
  private typealias GetAttribute =
    @convention(c) @Sendable (CInt, UnsafePointer<CChar>, UnsafeMutableRawPointer?, Int) -> Int

  private typealias SyncFileRange = @convention(c) @Sendable (CInt, Int64, Int64, CUnsignedInt) -> CInt

  private static let renameAt2 = dlsym(nil, "renameat2").map { unsafeBitCast($0, to: RenameAt2.self) }
  private static let setAttribute = dlsym(nil, "fsetxattr").map { unsafeBitCast($0, to: SetAttribute.self) }
  private static let getAttribute = dlsym(nil, "fgetxattr").map { unsafeBitCast($0, to: GetAttribute.self) }

  private static let syncFileRange = dlsym(nil, "sync_file_range").map { unsafeBitCast($0, to: SyncFileRange.self) }

  /// `SYNC_FILE_RANGE_WRITE` of linux/fs.h.
  private static let rangeWrite: CUnsignedInt = 2

  /// Asks for a file's content to be on its way to the disk. Promises nothing.
  static func beginWriting(_ descriptor: CInt) {
    _ = syncFileRange?(descriptor, 0, 0, rangeWrite)
  }

  /// `RENAME_NOREPLACE` of linux/fs.h: fails with EEXIST where the new name is taken.
  private static let noReplace: CUnsignedInt = 1

  /// Renames and never replaces what has the new name. Returns 0 or the error's number; where the file system knows no
  /// such rename (NFS), a link and an unlink do the same: a link never replaces either.
  static func renameWithoutReplacing(
    _ folder: CInt, _ name: UnsafePointer<CChar>, to newFolder: CInt, _ newName: UnsafePointer<CChar>
  ) -> CInt {
    if let renameAt2 {
      if renameAt2(folder, name, newFolder, newName, noReplace) == 0 { return 0 }
      guard errno == EINVAL || errno == ENOSYS else { return errno }
    }
    if linkat(folder, name, newFolder, newName, 0) != 0 { return errno }
    return unlinkat(folder, name, 0) == 0 ? 0 : errno
  }

  /// Writes an extended attribute beside a file. `false` where the file system keeps none.
  static func write(attribute: String, _ value: [UInt8], to descriptor: CInt) -> Bool {
    setAttribute.map { $0(descriptor, attribute, value, value.count, 0) == 0 } ?? false
  }

  /// The first bytes of an extended attribute; `nil` where there is none.
  static func attribute(_ attribute: String, of descriptor: CInt, bytesMax: Int) -> [UInt8]? {
    guard let getAttribute else { return nil }
    var value = [UInt8](repeating: 0, count: bytesMax)
    let count = getAttribute(descriptor, attribute, &value, bytesMax)
    return count >= 0 && count <= bytesMax ? Array(value.prefix(count)) : nil
  }
}
