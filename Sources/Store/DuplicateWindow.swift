/// The blind hashes of duplicate keys, newest message first, as the writer knows them.
///
/// The newest few hundred thousand are in memory, older ones in the table `old_key`. Rows of `message` are the truth:
/// the window only says where to look, and a row names the earlier one with the same key (`prior`).
struct DuplicateWindow {
  struct Entry {
    var hash: Int64
    var message: Int64
    /// Milliseconds since 1970 after which it can't match any more.
    var until: Int64
  }
  private var newest: [Int64: Int64] = [:]
  /// In the order in which they were taken over; what is before `head` was given away.
  private var entries: [Entry] = []
  private var head = 0
  private var undo: [(hash: Int64, message: Int64?)] = []
  private var entriesBefore = 0

  var count: Int { entries.count - head }

  subscript(hash: Int64) -> Int64? { newest[hash] }

  mutating func remember(_ entry: Entry) {
    if undo.isEmpty { entriesBefore = entries.count }
    undo.append((entry.hash, newest.updateValue(entry.message, forKey: entry.hash)))
    entries.append(entry)
  }

  /// Takes over what stands in the file already.
  mutating func restore(_ entry: Entry) {
    newest[entry.hash] = entry.message
    entries.append(entry)
  }

  mutating func reserve(_ count: Int) {
    newest.reserveCapacity(count)
    entries.reserveCapacity(count)
  }

  mutating func committed() { undo.removeAll(keepingCapacity: true) }

  mutating func rolledBack() {
    guard !undo.isEmpty else { return }
    for step in undo.reversed() { newest[step.hash] = step.message }
    entries.removeLast(entries.count - entriesBefore)
    undo.removeAll(keepingCapacity: true)
  }

  /// The `count` that were taken over first.
  func oldest(_ count: Int) -> ArraySlice<Entry> { entries[head..<min(entries.count, head + count)] }

  /// Forgets the `count` that were taken over first.
  mutating func forget(_ count: Int) {
    for entry in oldest(count) where newest[entry.hash] == entry.message { newest[entry.hash] = nil }
    head = min(entries.count, head + count)
    if head * 2 > entries.count {
      entries.removeFirst(head)
      head = 0
    }
  }

  /// The last `count` that were taken over.
  func latest(_ count: Int) -> ArraySlice<Entry> { entries.suffix(min(count, self.count)) }
}
