import Glibc

/// What the system says of this process.
package struct ProcessFacts: Sendable, Equatable {
  /// Time on processors since the start.
  package var cpuSeconds: Double
  package var residentBytes: Int
  package var descriptorCount: Int
  package var descriptorsMax: Int

  /// `nil` where /proc can't be read.
  package static func read() -> ProcessFacts? {
    guard let words = statistics(), let count = descriptors() else { return nil }
    // proc(5), /proc/self/stat behind the name: utime is field 14, stime 15, rss 24; the third field is the first here.
    guard words.count > 21, let user = Double(words[11]), let system = Double(words[12]), let pages = Int(words[21])
    else { return nil }
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return ProcessFacts(
      cpuSeconds: (user + system) / Double(max(1, sysconf(Int32(_SC_CLK_TCK)))),
      residentBytes: pages * Int(sysconf(Int32(_SC_PAGESIZE))), descriptorCount: count,
      descriptorsMax: Int(clamping: limit.rlim_cur))
  }

  /// The words behind the name of the program, which stands in parentheses and may hold anything.
  private static func statistics() -> [Substring]? {
    let descriptor = open("/proc/self/stat", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 2048)
    let count = Glibc.read(descriptor, &bytes, bytes.count)
    guard count > 0, let end = bytes[..<count].lastIndex(of: UInt8(ascii: ")")) else { return nil }
    return String(decoding: bytes[(end + 1)..<count], as: UTF8.self).split(separator: " ")
  }

  private static func descriptors() -> Int? {
    guard let folder = opendir("/proc/self/fd") else { return nil }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    // Without `.`, `..` and the folder itself.
    return max(0, count - 3)
  }
}
