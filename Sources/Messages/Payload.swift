/// The content of a message on its way: small content is carried, large content is a file of the store.
///
/// A payload that is printed, logged or put in an error shows its format and size, never its content.
public struct Payload: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public enum Content: Sendable, Equatable {
    case bytes([UInt8])
    case blob(BlobReference)
    /// A blob with other bytes in places, which nobody writes out as a whole.
    case patched(PatchedBlob)
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
    case .patched(let patched): patched.byteCount
    }
  }

  /// All of it is at hand.
  public var isInMemory: Bool {
    if case .bytes = content { true } else { false }
  }

  /// How much of it is in memory.
  public var bytesInMemory: Int {
    switch content {
    case .bytes(let bytes): bytes.count
    case .blob: 0
    case .patched(let patched): patched.newByteCount
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

/// New bytes and stretches of a blob, one after the other: what a change of a few values makes of a large payload.
public struct PatchedBlob: Sendable, Hashable, CustomStringConvertible {
  public enum Piece: Sendable, Hashable {
    case bytes([UInt8])
    /// As they stand in the blob.
    case range(Range<Int>)

    public var byteCount: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .range(let range): range.count
      }
    }
  }

  public let source: BlobReference
  public let pieces: [Piece]
  public let byteCount: Int

  /// - Returns: `nil` where a range isn't in the blob.
  public init?(_ source: BlobReference, _ pieces: [Piece]) {
    for case .range(let range) in pieces where range.lowerBound < 0 || range.upperBound > source.byteCount {
      return nil
    }
    self.source = source
    self.pieces = pieces
    byteCount = pieces.reduce(0) { $0 + $1.byteCount }
  }

  /// How many of its bytes aren't the blob's.
  public var newByteCount: Int {
    pieces.reduce(0) { count, piece in if case .bytes(let bytes) = piece { count + bytes.count } else { count } }
  }

  public var description: String { "\(source), changed to \(byteCount) bytes" }
}
