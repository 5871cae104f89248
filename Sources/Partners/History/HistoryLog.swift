internal import Glibc
internal import Synchronization

/// What a client or a partner did, in memory and, if wished, in a file.
///
/// Each event is one `write` to a file that is open for appending: when it returns, the line outlives this process, and
/// several processes may write one file. The engine that is killed under trial has no hand in it.
package final class HistoryLog: Sendable {
  private struct State {
    var events: [HistoryEvent] = []
    var failures = 0
  }
  private let state = Mutex(State())
  private let descriptor: Int32?

  /// A log in memory only.
  package init() { descriptor = nil }

  /// - Parameter path: a file, made where it is missing and added to where it isn't.
  package init(path: String) throws {
    let opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard opened >= 0 else { throw PartnerError.file("the history \(path) cannot be opened (errno \(errno))") }
    descriptor = opened
  }

  deinit {
    if let descriptor { close(descriptor) }
  }

  package func append(_ event: HistoryEvent) {
    state.withLock { state in
      state.events.append(event)
      guard let descriptor else { return }
      let line = Array(event.line.utf8)
      if write(descriptor, line, line.count) != line.count { state.failures += 1 }
    }
  }

  /// Notes that something was broken on purpose.
  package func incident(_ what: String) { append(HistoryEvent(.incident, lane: "-", key: what)) }

  /// What this log was given, in order.
  package var events: [HistoryEvent] { state.withLock { $0.events } }

  /// Events that could not be written to the file; a check of a history with any is worth nothing.
  package var failedWriteCount: Int { state.withLock { $0.failures } }

  /// Reads files of events and lays them side by side by time. A last line without its end (its writer was killed) is
  /// left out.
  /// - Throws: a file that can't be read, or a whole line that is not an event.
  package static func read(_ paths: [String]) throws -> [HistoryEvent] {
    var events: [HistoryEvent] = []
    for path in paths {
      let text = String(decoding: try FileBytes.read(path), as: UTF8.self)
      var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      lines.removeLast()
      for (index, line) in lines.enumerated() {
        guard let event = HistoryEvent(line: line) else {
          throw PartnerError.file("\(path):\(index + 1): not an event of a history")
        }
        events.append(event)
      }
    }
    return events.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
  }
}
