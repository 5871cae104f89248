import Glibc

/// What the clocks of a place show, by the time zone database of this machine (`/usr/share/zoneinfo`, Debian's package
/// tzdata). A value holds all of a zone, so that nothing is read while messages run.
package struct TimeZoneRules: Sendable {
  /// Why a zone can't be had.
  package enum Failure: Error, Sendable, Equatable {
    /// The database has no zone of that name.
    case unknown
    /// This machine has no database.
    case noDatabase
    /// Its file can't be read.
    case unreadable
  }

  /// When a time of a zone's clock is.
  package enum LocalTime: Sendable, Equatable {
    /// Seconds east of UTC.
    case once(offset: Int)
    /// The clock shows it twice: the offsets of the first and of the second time.
    case twice(first: Int, second: Int)
    /// The clock never shows it: the offsets before and behind the gap.
    case never(before: Int, behind: Int)
  }

  /// `Europe/London`
  package let name: String
  private let file: TimeZoneFile

  package static let folder = "/usr/share/zoneinfo"

  /// Reads a zone. Files of the database have a few kilobytes; this reads one each time.
  package init(named name: String) throws(Failure) {
    try self.init(named: name, folder: Self.folder)
  }

  init(named name: String, folder: String) throws(Failure) {
    guard Self.isName(name) else { throw .unknown }
    guard let bytes = Self.read("\(folder)/\(name)") else {
      throw access("\(folder)/UTC", R_OK) == 0 || access("\(folder)/Etc/UTC", R_OK) == 0 ? .unknown : .noDatabase
    }
    guard let file = TimeZoneFile(bytes) else { throw .unreadable }
    self.name = name
    self.file = file
  }

  /// The zones that the database names, for people who look for one; empty where there is no list.
  package static var names: [String] {
    guard let bytes = read("\(folder)/zone.tab") ?? read("\(folder)/zone1970.tab") else { return [] }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }
    return ["UTC"] + lines.compactMap { line in line.split(separator: "\t").dropFirst(2).first.map(String.init) }
  }

  /// Names as the database writes them: nothing that leads out of its folder, and none of its other files.
  private static func isName(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let isWritten = parts.allSatisfy { part in
      (part.utf8.first.map { 0x41...0x5A ~= $0 } ?? false)
        && part.utf8.allSatisfy { byte in
          (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
            || "_+-".utf8.contains(byte)
        }
    }
    return isWritten && name.utf8.count <= 64
  }

  /// The bytes of a regular file; zones are small, and anything longer than a mebibyte is none.
  private static func read(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= 1 << 20 else {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        buffer.baseAddress.map { Glibc.read(descriptor, $0 + filled, buffer.count - filled) } ?? 0
      }
      guard count > 0 else { return nil }
      filled += count
    }
    return bytes
  }

  /// Seconds east of UTC at a moment, given as seconds since 1970.
  package func offset(at moment: Int) -> Int { file.offset(at: moment) }

  /// The first second behind one, and up to another, at which the offset is no more what it was.
  ///
  /// - Parameter last: at which it is another.
  package func change(after first: Int, through last: Int) -> Int {
    let offset = offset(at: first)
    var (low, high) = (first, last)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if self.offset(at: middle) == offset { low = middle } else { high = middle }
    }
    return high
  }

  /// When the clock shows what a clock of UTC shows `seconds` after 1970.
  package func local(_ seconds: Int) -> LocalTime {
    // No zone is further from UTC than 26 hours, and none changes its clock twice within two days and a half.
    let before = offset(at: seconds - 108_000)
    let behind = offset(at: seconds + 108_000)
    let fitsBefore = offset(at: seconds - before) == before
    let fitsBehind = offset(at: seconds - behind) == behind
    switch (fitsBefore, fitsBehind) {
    case (true, true): return before == behind ? .once(offset: before) : .twice(first: before, second: behind)
    case (true, false): return .once(offset: before)
    case (false, true): return .once(offset: behind)
    case (false, false): return .never(before: before, behind: behind)
    }
  }
}
