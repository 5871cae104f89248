import Crypto
import FoundationEssentials
import Glibc
import Messages

/// A backup that is ready to be taken: the copy of the store lies in the data folder, checked, and every blob that it
/// knows is kept. Its bytes come as they are asked for; `end` clears it away.
package final class Backup: @unchecked Sendable {
  package let manifest: BackupManifest
  /// Of the whole archive.
  package let byteCount: Int64
  /// Reads from the disk happen here, never on the caller's thread.
  private let thread: BackupThread
  /// Touched on the thread only.
  private var stream: BackupStream

  /// Who takes nothing for so long has gone: what is kept for it is let go.
  static let patienceSeconds = 600

  init(_ manifest: BackupManifest, _ stream: BackupStream, _ thread: BackupThread) {
    self.manifest = manifest
    self.stream = stream
    self.thread = thread
    byteCount = stream.byteCount
  }

  deinit { thread.close() }

  /// The next bytes of the archive; `nil` at its end.
  package func next() async throws(StoreError) -> [UInt8]? {
    let result: Result<[UInt8]?, StoreError> = await withCheckedContinuation { continuation in
      let taken = thread.submit { [self] in continuation.resume(returning: take()) }
      if !taken { continuation.resume(returning: .failure(StoreError(.closed, "the backup was given up"))) }
    }
    return try result.get()
  }

  private func take() -> Result<[UInt8]?, StoreError> {
    do throws(StoreError) { return .success(try stream.next()) } catch { return .failure(error) }
  }

  /// Clears away what was kept for it; another one can be made when it returns. May be called more than once.
  package func end() async { _ = await thread.end() }
}

/// Makes an archive's bytes, one piece after the other.
struct BackupStream {
  struct Member {
    enum Content {
      case bytes([UInt8])
      case file(String)
    }
    var name: String
    var byteCount: Int64
    var content: Content
  }

  private static let pieceBytes = 256 << 10
  private let members: [Member]
  private let madeAt: Int64
  private var index = 0
  private var file: OpenedFile?
  private var left: Int64 = 0
  private var hash = SHA256()
  private var sums: [UInt8] = []
  private var isOver = false

  /// - Parameter madeAt: in seconds since 1970.
  init(_ members: [Member], madeAt: Int64) {
    self.members = members
    self.madeAt = madeAt
  }

  var byteCount: Int64 {
    let sums = members.reduce(Int64(0)) { $0 + Int64(67 + $1.name.utf8.count) }
    return members.reduce(BackupArchive.bytes(sums)) { $0 + BackupArchive.bytes($1.byteCount) }
      + Int64(BackupArchive.end.count)
  }

  mutating func next() throws(StoreError) -> [UInt8]? {
    if isOver { return nil }
    if left > 0 { return try read() }
    guard index < members.count else {
      isOver = true
      var bytes = header(BackupArchive.sumsName, Int64(sums.count)) + sums
      bytes += [UInt8](repeating: 0, count: BackupArchive.padding(Int64(sums.count)))
      return bytes + BackupArchive.end
    }
    let member = members[index]
    do throws(StoreError) { return try begin(member) } catch {
      // The end of the stream alone would say that the engine died.
      isOver = true
      let reason = Array("the backup can't be finished: \(error)".utf8.prefix(4_096))
      return header(BackupArchive.failureName, Int64(reason.count)) + reason
    }
  }

  private func header(_ name: String, _ byteCount: Int64) -> [UInt8] {
    BackupArchive.Header(name, byteCount: byteCount, madeAt: madeAt).block
  }

  private mutating func begin(_ member: Member) throws(StoreError) -> [UInt8] {
    hash = SHA256()
    let header = header(member.name, member.byteCount)
    switch member.content {
    case .bytes(let bytes):
      hash.update(data: bytes)
      return header + bytes + endMember()
    case .file(let path):
      let opened = try OpenedFile(path)
      guard Folder.size(path) == member.byteCount else {
        throw StoreError(.damaged, "\(path) is gone, or not as long as it was")
      }
      file = opened
      left = member.byteCount
      return left == 0 ? header + endMember() : header
    }
  }

  private mutating func read() throws(StoreError) -> [UInt8] {
    let count = Int(min(left, Int64(Self.pieceBytes)))
    guard let file, let bytes = Folder.read(file.descriptor, count), bytes.count == count else {
      throw Folder.failure("read", members[index].name)
    }
    hash.update(data: bytes)
    left -= Int64(count)
    return left == 0 ? bytes + endMember() : bytes
  }

  private mutating func endMember() -> [UInt8] {
    let member = members[index]
    sums += BackupArchive.line(member.name, hash.finalize())
    index += 1
    file = nil
    return [UInt8](repeating: 0, count: BackupArchive.padding(member.byteCount))
  }
}

/// A file that is closed when nobody has it any more.
final class OpenedFile {
  let descriptor: Int32
  init(_ path: String) throws(StoreError) {
    descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Folder.failure("open", path) }
  }
  deinit { Glibc.close(descriptor) }
}
