internal import Glibc

/// What a process has used, as /proc says.
package struct ProcessUsage: Sendable, Hashable {
  /// Time on the processors, user and system together, in all threads that are and were.
  package var cpuSeconds: Double
  /// Memory that is resident now, and the most that ever was.
  package var rssBytes: Int
  package var rssBytesMax: Int

  package init(cpuSeconds: Double = 0, rssBytes: Int = 0, rssBytesMax: Int = 0) {
    self.cpuSeconds = cpuSeconds
    self.rssBytes = rssBytes
    self.rssBytesMax = rssBytesMax
  }

  /// - Throws: where there is no such process.
  package init(of process: Int32) throws {
    let stat = String(decoding: try FileBytes.read("/proc/\(process)/stat"), as: UTF8.self)
    // The name in parentheses may hold anything; the fields after it are counted from the third (proc(5)).
    guard let end = stat.lastIndex(of: ")") else { throw PartnerError.file("/proc/\(process)/stat is not understood") }
    let fields = stat[stat.index(after: end)...].split(separator: " ")
    guard fields.count > 21 - 2, let user = Double(fields[14 - 3]), let system = Double(fields[15 - 3]) else {
      throw PartnerError.file("/proc/\(process)/stat is not understood")
    }
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    cpuSeconds = (user + system) / (ticks > 0 ? ticks : 100)
    let status = String(decoding: try FileBytes.read("/proc/\(process)/status"), as: UTF8.self)
    rssBytes = Self.kibibytes("VmRSS:", in: status) * 1_024
    rssBytesMax = Self.kibibytes("VmHWM:", in: status) * 1_024
  }

  private static func kibibytes(_ name: String, in status: String) -> Int {
    for line in status.split(separator: "\n") where line.hasPrefix(name) {
      return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0
    }
    return 0
  }
}
