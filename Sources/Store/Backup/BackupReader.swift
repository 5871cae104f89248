import Crypto
import FoundationEssentials
import Glibc
import Messages

/// Reads a backup's file from its front to its end, and holds every byte of it against what was noted when it was made.
///
/// What is read may be damaged until `next` has returned `nil`: before that nothing may be put to use. Not safe to
/// share.
final class BackupReader {
  let path: String
  private let descriptor: Int32
  private var current: (name: String, left: Int64, padding: Int, hash: SHA256)?
  /// What `SHA256SUMS` must hold.
  private var sums: [UInt8] = []
  private var isOver = false
  private static let sumsBytesMax: Int64 = 1 << 30

  init(_ path: String) throws(StoreError) {
    self.path = path
    descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Folder.failure("open", path) }
    // What was just written must come from the disk, not from the memory that it was written to.
    posix_fadvise(descriptor, 0, 0, Int32(POSIX_FADV_DONTNEED))
  }

  deinit { Glibc.close(descriptor) }

  /// Goes to the next member, past what is left of the one before; `nil` at the end, when all of it was as noted.
  func next() throws(StoreError) -> (name: String, byteCount: Int64)? {
    while current != nil { _ = try read(1 << 20) }
    if isOver { return nil }
    let block = try take(BackupArchive.blockBytes)
    guard let header = BackupArchive.Header(block) else {
      // Not even the first block: it never was one.
      if sums.isEmpty { throw StoreError(.damaged, "\(path) is not a backup of Hilum, or its beginning is damaged") }
      throw damaged("there is no member where one should be")
    }
    if header.name == BackupArchive.sumsName {
      try end(header)
      return nil
    }
    current = (header.name, header.byteCount, BackupArchive.padding(header.byteCount), SHA256())
    guard header.name != BackupArchive.failureName else {
      let reason = String(decoding: try read(4_096), as: UTF8.self)
      throw StoreError(.io, reason)
    }
    if header.byteCount == 0 { try endMember() }
    return (header.name, header.byteCount)
  }

  /// The next bytes of the member; empty at its end.
  func read(_ countMax: Int) throws(StoreError) -> [UInt8] {
    guard let left = current?.left, left > 0 else { return [] }
    let bytes = try take(Int(min(left, Int64(countMax))))
    current?.hash.update(data: bytes)
    current?.left -= Int64(bytes.count)
    if current?.left == 0 { try endMember() }
    return bytes
  }

  /// All of a small member.
  func readAll(_ byteCount: Int64, max: Int64 = 1 << 20) throws(StoreError) -> [UInt8] {
    guard byteCount <= max else { throw damaged("a member is too large") }
    var bytes: [UInt8] = []
    while Int64(bytes.count) < byteCount { bytes += try read(Int(byteCount)) }
    return bytes
  }

  private func endMember() throws(StoreError) {
    guard let member = current else { return }
    current = nil
    guard try take(member.padding).allSatisfy({ $0 == 0 }) else { throw damaged("\(member.name) is followed by more") }
    sums += BackupArchive.line(member.name, member.hash.finalize())
  }

  /// The sums, and the end.
  private func end(_ header: BackupArchive.Header) throws(StoreError) {
    guard header.byteCount < Self.sumsBytesMax else { throw damaged("\(header.name) is too large") }
    let noted = try take(Int(header.byteCount))
    guard noted == sums else { throw damaged(Self.difference(sums, noted)) }
    let rest = try take(BackupArchive.padding(header.byteCount) + BackupArchive.end.count)
    guard rest.allSatisfy({ $0 == 0 }) else { throw damaged("its end is not as it was written") }
    guard let more = Folder.read(descriptor, 1) else { throw Folder.failure("read", path) }
    guard more.isEmpty else { throw damaged("there is more behind its end") }
    isOver = true
  }

  private static func difference(_ found: [UInt8], _ noted: [UInt8]) -> String {
    let notedLines = noted.split(separator: 0x0A)
    for (index, line) in found.split(separator: 0x0A).enumerated()
    where index >= notedLines.count || notedLines[index] != line {
      return "\(String(decoding: line.dropFirst(66), as: UTF8.self)) doesn't fit its SHA-256"
    }
    return "\(BackupArchive.sumsName) names members that are not there"
  }

  /// Exactly so many bytes of the file.
  private func take(_ count: Int) throws(StoreError) -> [UInt8] {
    guard count > 0 else { return [] }
    guard let bytes = Folder.read(descriptor, count) else { throw Folder.failure("read", path) }
    guard bytes.count == count else {
      throw StoreError(.damaged, "\(path) is cut off: it is not a whole backup. Nothing was restored from it.")
    }
    return bytes
  }

  private func damaged(_ what: String) -> StoreError {
    StoreError(.damaged, "\(path) is damaged: \(what). Nothing was restored from it.")
  }
}

extension BackupManifest {
  /// Reads a backup's file whole and checks every byte of it against its hashes. Blocks on the disk.
  ///
  /// - Throws: `damaged` where it is cut off or changed; `refused` where this engine can't restore it.
  package static func verify(_ path: String) throws(StoreError) -> BackupManifest {
    let reader = try BackupReader(path)
    let manifest = try read(reader)
    var members = BackupMembers(manifest, of: path)
    while let member = try reader.next() { _ = try members.place(of: member.name, byteCount: member.byteCount) }
    try members.checkWhole()
    return manifest
  }

  /// Whether a file's first block is a backup's.
  package static func begins(_ block: [UInt8]) -> Bool {
    BackupArchive.Header(block)?.name == BackupArchive.manifestName
  }

  /// The first member.
  static func read(_ reader: BackupReader) throws(StoreError) -> BackupManifest {
    guard let first = try reader.next(), first.name == BackupArchive.manifestName else {
      throw StoreError(.damaged, "\(reader.path) is not a backup of Hilum")
    }
    return try BackupManifest(try reader.readAll(first.byteCount), of: reader.path)
  }
}

/// Which members a backup may have, and whether they are all there.
struct BackupMembers {
  private let manifest: BackupManifest
  private let path: String
  private var databases = 0
  private var blobs = 0

  init(_ manifest: BackupManifest, of path: String) {
    self.manifest = manifest
    self.path = path
  }

  /// Where a member belongs in a data folder: a name that was made here, never one that was read.
  mutating func place(of name: String, byteCount: Int64) throws(StoreError) -> (folder: String?, name: String) {
    if name == BackupArchive.databaseName, databases == 0, byteCount == manifest.databaseBytes {
      databases = 1
      return (nil, BackupArchive.databaseName)
    }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    if databases == 1, parts.count == 3, parts[0] == "blobs", let id = Identifier(String(parts[2])),
      id.description == parts[2], (1...2).contains(parts[1].count), parts[2].hasSuffix(parts[1])
    {
      blobs += 1
      return (Blobs.inner(id), id.description)
    }
    throw StoreError(.damaged, "\(path) has a member that no backup of Hilum has, or one in a wrong place")
  }

  func checkWhole() throws(StoreError) {
    guard databases == 1, blobs == manifest.blobs else {
      throw StoreError(.damaged, "\(path) lacks members that it should have")
    }
  }
}
