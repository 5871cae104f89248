internal import Glibc

/// Files of a partner: small ones, read and written whole.
package enum FileBytes {
  package static func read(_ path: String) throws -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw PartnerError.file("\(path) cannot be opened (errno \(errno))") }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count == 0 { return bytes }
      guard count > 0 else {
        if errno == EINTR { continue }
        throw PartnerError.file("\(path) cannot be read (errno \(errno))")
      }
      bytes += chunk[..<count]
    }
  }

  /// Makes a file; one of the same name is replaced.
  package static func write(_ bytes: [UInt8], to path: String) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw PartnerError.file("\(path) cannot be made (errno \(errno))") }
    defer { close(file) }
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      guard count > 0 else {
        if count < 0, errno == EINTR { continue }
        throw PartnerError.file("\(path) cannot be written (errno \(errno))")
      }
      written += count
    }
  }
}
