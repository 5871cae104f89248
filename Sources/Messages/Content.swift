/// Reads the content of a payload from its beginning, in pieces. Used by one caller at a time. Blocks on the disk: call
/// it on a thread that may wait.
public protocol ContentReader: AnyObject, Sendable {
  /// How many bytes are still to come.
  var rest: Int { get }

  /// The next bytes: at least one and at most `countMax`; empty at the end.
  func next(_ countMax: Int) throws(ContentError) -> [UInt8]

  /// Passes over bytes, at most `rest`.
  func skip(_ count: Int)
}

extension ContentReader {
  /// All that is still to come, in memory.
  public func all() throws(ContentError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(rest, 1 << 30))
    while rest > 0 { bytes.append(contentsOf: try next(1 << 16)) }
    return bytes
  }
}

/// A content could not be read to its end; what was read of it must not be used.
public struct ContentError: Error, Sendable, CustomStringConvertible {
  /// In our words: which content, and what is wrong with it.
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// Takes a large content as it comes, and keeps it on disk. Used by one caller at a time. Blocks on the disk: call it
/// on a thread that may wait. What isn't finished leaves nothing behind.
public protocol ContentWriter: AnyObject, Sendable {
  func append(_ bytes: ArraySlice<UInt8>) throws(StagingError)

  /// Nothing more comes: the reference goes into an arrival's payload, and is durable with it at the latest.
  func finish() throws(StagingError) -> BlobReference
}

/// A content could not be kept, for a reason that isn't the sender's: it should try again later.
public struct StagingError: Error, Sendable, CustomStringConvertible {
  /// Ours, and safe to log.
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// Reads what is in memory.
public final class BytesReader: ContentReader {
  private let bytes: [UInt8]
  // Used by one caller at a time, as the protocol asks.
  nonisolated(unsafe) private var position = 0

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  public var rest: Int { bytes.count - position }

  public func next(_ countMax: Int) -> [UInt8] {
    let end = min(bytes.count, position + max(0, countMax))
    defer { position = end }
    return Array(bytes[position..<end])
  }

  public func skip(_ count: Int) { position += min(count, rest) }
}
