import Glibc
package import Logging
import Synchronization

/// Where log lines go: standard error, and a file in the data folder for `hilum logs`.
///
/// One record is one line: control characters, line ends and escape sequences of whatever came from outside are
/// written as `\x1b`, so that nobody can forge a line or colour a terminal. A disk that is full costs lines (counted,
/// and said when there is room again), never the engine.
package final class LogFile: Sendable {
  private struct State {
    var descriptor: Int32
    var size: Int
    var lost = 0
  }
  private let state: Mutex<State>
  private let path: String
  private let alsoErrors: Bool
  /// A file of this size becomes `.1`, which was the one before.
  private static let bytesMax = 32 << 20

  /// - Parameters:
  ///   - path: of the file; made when it isn't there, readable by its owner alone.
  ///   - alsoErrors: also write to standard error.
  package init(path: String, alsoErrors: Bool) {
    self.path = path
    self.alsoErrors = alsoErrors
    let descriptor = Self.open(path)
    state = Mutex(State(descriptor: descriptor, size: Self.size(descriptor)))
  }

  package func write(_ line: String) {
    var bytes = Array(line.utf8)
    bytes.append(0x0A)
    if alsoErrors { _ = Self.write(bytes, to: 2) }
    state.withLock { state in
      if state.size > Self.bytesMax {
        rename(path, path + ".1")
        close(state.descriptor)
        state.descriptor = Self.open(path)
        state.size = Self.size(state.descriptor)
      }
      if state.lost > 0 {
        let note = Array("\(state.lost) lines are missing here: they could not be written.\n".utf8)
        if Self.write(note, to: state.descriptor) { state.lost = 0 }
      }
      if Self.write(bytes, to: state.descriptor) { state.size += bytes.count } else { state.lost += 1 }
    }
  }

  private static func open(_ path: String) -> Int32 {
    Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
  }

  private static func size(_ descriptor: Int32) -> Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    guard descriptor >= 0 else { return false }
    return bytes.withUnsafeBytes { buffer in
      var written = 0
      while written < buffer.count {
        let count = Glibc.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
        if count < 0 {
          if errno == EINTR { continue }
          return false
        }
        written += count
      }
      return true
    }
  }
}

/// Writes swift-log's records as lines: time, level, what, and `key=value` behind it.
package struct LineLog: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level = .info
  private let file: LogFile
  private let clock: @Sendable () -> String

  /// - Parameter clock: gives the time as it shall be written.
  package init(_ file: LogFile, level: Logger.Level, clock: @escaping @Sendable () -> String) {
    self.file = file
    self.clock = clock
    logLevel = level
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line = "\(clock()) \(event.level.rawValue.uppercased()) \(Self.escaped(event.message.description))"
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    for (key, value) in all.sorted(by: { $0.key < $1.key }) {
      line += " \(key)=\"\(Self.escaped(value.description))\""
    }
    file.write(line)
  }

  /// Fit to stand between quotes on one line.
  private static func escaped(_ text: String) -> String {
    printable(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))
  }

  /// On one line and harmless to a terminal: what ends a line or steers a terminal is written out.
  package static func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x0A: result += "\\n"
      case 0x0D: result += "\\r"
      case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069:
        result += "\\x" + String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
