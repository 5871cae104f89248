import Admin
import Definitions
import Engine
import Foundation
import Glibc

/// What commands print. Lines for people on standard output, problems on standard error; colour only on a terminal.
enum Terminal {
  static let isColoured = isatty(1) == 1 && getenv("NO_COLOR") == nil

  static func line(_ text: String = "") { write(text + "\n", to: 1) }
  static func error(_ text: String) { write(text + "\n", to: 2) }

  /// Text that came from outside: nothing in it can steer the terminal.
  static func safe(_ text: String) -> String { LineLog.printable(text) }

  static func bold(_ text: String) -> String { isColoured ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
  static func red(_ text: String) -> String { isColoured ? "\u{1B}[31m\(text)\u{1B}[0m" : text }
  static func green(_ text: String) -> String { isColoured ? "\u{1B}[32m\(text)\u{1B}[0m" : text }
  static func yellow(_ text: String) -> String { isColoured ? "\u{1B}[33m\(text)\u{1B}[0m" : text }

  static func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    line(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// Rows under a heading, each column as wide as its widest cell.
  static func table(_ heading: [String], _ rows: [[String]]) {
    let all = [heading] + rows
    let widths = heading.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    for (index, row) in all.enumerated() {
      let cells = row.enumerated().map { column, cell in
        column == row.count - 1 ? cell : cell.padding(toLength: widths[column], withPad: " ", startingAt: 0)
      }
      line(index == 0 ? bold(cells.joined(separator: "  ")) : cells.joined(separator: "  "))
    }
  }

  /// In the zone of `hilum.yaml` in this folder, else in the machine's.
  static func time(_ milliseconds: Int64) -> String { localTime.text(milliseconds) }
  static let localTime = LocalTime(zone: (try? Site.settings("hilum.yaml"))?.zone)

  /// `3 s`, `14 min`, `2 h`: how long ago.
  static func age(_ milliseconds: Int64) -> String {
    let seconds = max(0, milliseconds / 1000)
    if seconds < 120 { return "\(seconds) s" }
    if seconds < 7200 { return "\(seconds / 60) min" }
    if seconds < 172_800 { return "\(seconds / 3600) h" }
    return "\(seconds / 86_400) d"
  }

  /// `812 bytes`, `41 KiB`, `3 GiB`: two digits or more.
  static func size(_ bytes: Int64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes >= 10 << shift {
      return "\(bytes >> shift) \(unit)"
    }
    return "\(bytes) bytes"
  }

  static var nowMilliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 && errno != EINTR { return }
      bytes = bytes.dropFirst(max(0, written))
    }
  }

  static func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
      if written < 0 && errno != EINTR { return }
      rest = rest.dropFirst(max(0, written))
    }
  }
}
