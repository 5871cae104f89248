import FoundationEssentials
import Glibc

/// The file of a data folder in which the alerts outlive the engine. Replaced as a whole, and on disk before that is
/// said. Blocks.
struct AlertFile: Sendable {
  static let name = "alerts.json"
  private let folder: String
  private var path: String { "\(folder)/\(Self.name)" }

  init(folder: String) { self.folder = folder }

  /// What was written last; `nil` where there is none. A file that can't be read is put aside as `alerts.json.bad`.
  ///
  /// - Returns: with a file that was put aside, why.
  func read() -> (book: AlertBook?, trouble: String?) {
    guard access(path, F_OK) == 0 else { return (nil, nil) }
    do {
      return (try JSONDecoder().decode(AlertBook.self, from: try Data(contentsOf: URL(filePath: path))), nil)
    } catch {
      rename(path, path + ".bad")
      return (nil, "\(Self.name) can't be read and is \(Self.name).bad now: what was raised is raised again")
    }
  }

  /// - Returns: why it could not be written; `nil` where it is on disk.
  func write(_ book: AlertBook) -> String? {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(book) else { return "the alerts can't be written as JSON" }
    let aside = path + ".new"
    let descriptor = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return Self.reason(aside) }
    let written = Self.write(Array(data), to: descriptor) && fsync(descriptor) == 0
    let reason = written ? nil : Self.reason(aside)
    close(descriptor)
    if let reason { return reason }
    guard rename(aside, path) == 0 else { return Self.reason(path) }
    let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return Self.reason(folder) }
    defer { close(directory) }
    return fsync(directory) == 0 ? nil : Self.reason(folder)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  private static func reason(_ path: String) -> String { "\(path): \(String(cString: strerror(errno)))" }
}
