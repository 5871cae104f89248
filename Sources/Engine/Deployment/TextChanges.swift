import Definitions

/// What is written otherwise in the files of two revisions.
enum TextChanges {
  /// Longer files are only said to differ: to find the shortest way from one to the other takes time.
  private static let linesMax = 4_000
  /// So many lines are shown around what differs.
  private static let around = 2

  static func between(_ old: Revision, _ new: Revision) -> [DeploymentReport.FileChange] {
    let before = Dictionary(old.files.map { ($0.path, $0.bytes) }) { first, _ in first }
    let after = Dictionary(new.files.map { ($0.path, $0.bytes) }) { first, _ in first }
    return Set(before.keys).union(after.keys).sorted().compactMap { path in
      if before[path] == after[path] { return nil }
      return DeploymentReport.FileChange(path: path, lines: lines(before[path] ?? [], after[path] ?? []))
    }
  }

  static func lines(_ old: [UInt8], _ new: [UInt8]) -> [String] {
    let before = split(old)
    let after = split(new)
    guard before.count <= linesMax, after.count <= linesMax else {
      return ["\(before.count) lines before, \(after.count) now"]
    }
    var removed: Set<Int> = []
    var inserted: Set<Int> = []
    for change in after.difference(from: before) {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): inserted.insert(offset)
      }
    }
    return shown(before, after, removed, inserted)
  }

  private static func split(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  private static func shown(
    _ before: [ArraySlice<UInt8>], _ after: [ArraySlice<UInt8>], _ removed: Set<Int>, _ inserted: Set<Int>
  ) -> [String] {
    var all: [(mark: String, text: ArraySlice<UInt8>)] = []
    var (old, new) = (0, 0)
    while old < before.count || new < after.count {
      if removed.contains(old) {
        all.append(("-", before[old]))
        old += 1
      } else if inserted.contains(new) {
        all.append(("+", after[new]))
        new += 1
      } else if new < after.count, old < before.count {
        all.append((" ", after[new]))
        old += 1
        new += 1
      } else {
        break
      }
    }
    var lines: [String] = []
    var last = -1
    for (index, line) in all.enumerated() {
      let near = all[max(0, index - around)..<min(all.count, index + around + 1)]
      guard near.contains(where: { $0.mark != " " }) else { continue }
      if last >= 0, index > last + 1 { lines.append("…") }
      lines.append(line.mark + " " + String(decoding: line.text, as: UTF8.self))
      last = index
    }
    return lines
  }
}
