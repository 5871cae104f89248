/// The content of a message on its way: small content is carried, large content is a file of the store.
///
/// A payload that is printed, logged or put in an error shows its format and size, never its content.
public struct Payload: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public enum Content: Sendable, Equatable {
    case bytes([UInt8])
    case blob(BlobReference)
  }

  public var format: Format
  public var content: Content

  public init(format: Format, content: Content) {
    self.format = format
    self.content = content
  }

  public init(_ format: Format, _ bytes: [UInt8]) {
    self.init(format: format, content: .bytes(bytes))
  }

  /// The size of the content in bytes.
  public var byteCount: Int {
    switch content {
    case .bytes(let bytes): bytes.count
    case .blob(let blob): blob.byteCount
    }
  }

  public var description: String { "\(format.rawValue), \(byteCount) bytes" }
  public var debugDescription: String { description }
  /// `dump` and string interpolation of what holds a payload go through here: content stays out of logs.
  public var customMirror: Mirror { Mirror(self, children: ["payload": description]) }
}

/// A large payload, kept as a file of the store and owned by one message.
public struct BlobReference: Sendable, Hashable, CustomStringConvertible {
  /// The blob's own id. It is never the hash of its content: two messages with equal content own two blobs.
  public let id: Identifier
  public let byteCount: Int
  /// SHA-256 of the content as it came, taken while it was written.
  public let sha256: [UInt8]

  public init(id: Identifier, byteCount: Int, sha256: [UInt8]) {
    self.id = id
    self.byteCount = byteCount
    self.sha256 = sha256
  }

  public var description: String { "blob \(id), \(byteCount) bytes" }
}
