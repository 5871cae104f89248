import Crypto

/// What a channel was made of: its file and every file that it reaches, with their contents, and the hash over all of
/// them.
///
/// Two machines with the same files have the same revision, wherever they keep them.
package struct Revision: Sendable, Hashable {
  package struct File: Sendable, Hashable {
    /// Relative to the folder of the channel file, which is the first.
    package var path: String
    package var bytes: [UInt8]

    package init(path: String, bytes: [UInt8]) {
      self.path = path
      self.bytes = bytes
    }
  }

  /// SHA-256 over names, sizes and contents, and over the variables that were read.
  package let sha256: [UInt8]
  package let files: [File]

  /// Sixteen hex digits of the hash: what people see and write.
  package var id: String { Self.hex(sha256.prefix(8)) }
  /// The hash whole.
  package var hex: String { Self.hex(sha256[...]) }

  /// - Parameters:
  ///   - channel: the channel file.
  ///   - reached: the files it reaches, in any order and as often as they were reached.
  ///   - variables: the values of the `${NAME}` in it. They are hashed and not kept.
  init(channel: File, reached: [File], variables: [String: String]) {
    var files = [channel]
    for file in reached.sorted(by: { $0.path < $1.path }) where !files.contains(where: { $0.path == file.path }) {
      files.append(file)
    }
    var hash = SHA256()
    for file in files { Self.add("file", file.path, file.bytes, to: &hash) }
    for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
      Self.add("variable", name, Array(value.utf8), to: &hash)
    }
    self.files = files
    self.sha256 = Array(hash.finalize())
  }

  /// Names and sizes go in with the content, so that nothing can move from one file to the next unseen.
  private static func add(_ kind: String, _ name: String, _ bytes: [UInt8], to hash: inout SHA256) {
    hash.update(data: Array("\(kind) \(name.utf8.count) \(name) \(bytes.count)\n".utf8))
    hash.update(data: bytes)
  }

  private static func hex(_ bytes: ArraySlice<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
