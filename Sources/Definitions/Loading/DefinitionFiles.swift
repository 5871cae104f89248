import Text

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where channel files, and what they reach, are read from.
package protocol DefinitionFiles: Sendable {
  /// The content of a file of at most so many bytes.
  func read(_ path: String, bytesMax: Int) throws(FileReadingError) -> [UInt8]
  /// The names of the files in a folder, in any order; not of those in folders within it.
  func names(in folder: String) throws(FileReadingError) -> [String]
  /// The path from the root, for a path relative to where the program was started.
  func absolute(_ path: String) -> String
  /// Whether these are all files: of an earlier revision only those are there that it was made of.
  var isComplete: Bool { get }
}

extension DefinitionFiles {
  package var isComplete: Bool { true }
}

/// Why a file could not be read, in a few words that follow its name: `… does not exist`.
package enum FileReadingError: Error, Sendable, Hashable, CustomStringConvertible {
  case missing
  /// It is a folder, a pipe or a device.
  case notAFile
  case tooLarge(bytesMax: Int)
  /// The system's words.
  case unreadable(String)

  package var description: String {
    switch self {
    case .missing: "does not exist"
    case .notAFile: "is not a file"
    case .tooLarge(let bytesMax): "has more than \(bytesMax) bytes"
    case .unreadable(let reason): "can't be read: \(reason)"
    }
  }
}

/// The files of this machine. Blocks while it reads.
package struct DiskFiles: DefinitionFiles {
  package init() {}

  package func read(_ path: String, bytesMax: Int) throws(FileReadingError) -> [UInt8] {
    // A pipe with nobody at its other end would hold `open` for ever.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw Self.reason(errno) }
    defer { close(file) }
    var facts = stat()
    guard fstat(file, &facts) == 0 else { throw Self.reason(errno) }
    guard facts.st_mode & S_IFMT == S_IFREG else { throw .notAFile }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Self.read(file, into: &chunk)
      guard count >= 0 else { throw Self.reason(errno) }
      if count == 0 { return content }
      content += chunk[..<count]
      guard content.count <= bytesMax else { throw .tooLarge(bytesMax: bytesMax) }
    }
  }

  /// `read(2)`, begun again where a signal came between.
  private static func read(_ file: Int32, into chunk: inout [UInt8]) -> Int {
    while true {
      let count = chunk.withUnsafeMutableBytes { sysRead(file, $0.baseAddress, $0.count) }
      if count >= 0 || errno != EINTR { return count }
    }
  }

  package func names(in folder: String) throws(FileReadingError) -> [String] {
    guard let stream = opendir(folder) else { throw Self.reason(errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  package func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/") else { return RelativePath.normalized(path) }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    guard getcwd(&buffer, buffer.count) != nil else { return path }
    let folder = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return RelativePath.joined(String(decoding: folder, as: UTF8.self), path)
  }

  private static func reason(_ number: Int32) -> FileReadingError {
    number == ENOENT || number == ENOTDIR ? .missing : .unreadable(String(cString: strerror(number)))
  }
}

/// The system's `read`, which `DiskFiles.read` would hide.
private func sysRead(_ file: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(file, buffer, count)
}
