import Crypto
import Glibc
package import Messages

/// The file of one blob, read at any place.
///
/// Used by one caller at a time: hence `@unchecked`.
final class BlobFile: @unchecked Sendable {
  private let blobs: Blobs
  private let blob: BlobReference
  private let descriptor: Int32
  /// What a segment has beside its bytes: a key id alone where it isn't sealed.
  private let overhead: Int
  /// The segment that was read last.
  private var segment: (index: Int, bytes: [UInt8]) = (-1, [])

  /// `nil` where the file is gone.
  init?(_ blobs: Blobs, _ blob: BlobReference) {
    self.blobs = blobs
    self.blob = blob
    descriptor = Glibc.open(blobs.path(blob.id).file, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    var head: UInt32 = 0
    guard pread(descriptor, &head, 4, 0) == 4 else {
      Glibc.close(descriptor)
      return nil
    }
    overhead = head == 0 ? 4 : 32
  }

  deinit { Glibc.close(descriptor) }

  /// Segments that aren't sealed don't vouch for themselves.
  var isSealed: Bool { overhead != 4 }

  private var lastSegment: Int { max(0, (blob.byteCount - 1) / Blobs.segmentBytes) }

  /// Whether the file ends where it should.
  var isWhole: Bool {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return false }
    return Int(status.st_size) == blob.byteCount + (lastSegment + 1) * overhead
  }

  /// Up to `countMax` bytes at an offset within the blob, at least one; `nil` where they can't be read, or aren't what
  /// was written.
  func read(at offset: Int, _ countMax: Int) -> ArraySlice<UInt8>? {
    let index = offset / Blobs.segmentBytes
    if segment.index != index {
      guard let bytes = read(segment: index) else { return nil }
      segment = (index, bytes)
    }
    let start = offset - index * Blobs.segmentBytes
    guard start < segment.bytes.count, countMax > 0 else { return nil }
    return segment.bytes[start..<min(segment.bytes.count, start + countMax)]
  }

  private func read(segment index: Int) -> [UInt8]? {
    let isLast = index == lastSegment
    let size = isLast ? blob.byteCount - index * Blobs.segmentBytes : Blobs.segmentBytes
    guard index <= lastSegment,
      let sealed = Folder.read(descriptor, size + overhead, at: index * (Blobs.segmentBytes + overhead)),
      sealed.count == size + overhead
    else { return nil }
    let part = Blobs.part(UInt64(index), isLast)
    let bytes = try? blobs.sealer.open(sealed, owner: 0, id: blob.id, kind: .blob, part: part)
    return bytes?.count == size ? bytes : nil
  }

  /// Reads all of it and compares the hash.
  func fitsItsHash() -> Bool {
    var hash = SHA256()
    var offset = 0
    while offset < blob.byteCount {
      guard let piece = read(at: offset, Blobs.segmentBytes) else { return false }
      piece.withUnsafeBytes { hash.update(bufferPointer: $0) }
      offset += piece.count
    }
    return isWhole && hash.finalize().elementsEqual(blob.sha256)
  }
}

/// Reads a blob, or what is made of one and new bytes.
///
/// Used by one caller at a time, as `ContentReader` asks: hence `@unchecked`.
final class BlobReader: ContentReader, @unchecked Sendable {
  private let file: BlobFile
  private let blob: BlobReference
  private var pieces: ArraySlice<PatchedBlob.Piece>
  /// How much of the first of the pieces was read.
  private var position = 0
  private(set) var rest: Int

  init(_ file: BlobFile, _ blob: BlobReference, _ pieces: [PatchedBlob.Piece]) {
    self.file = file
    self.blob = blob
    self.pieces = pieces[...]
    rest = pieces.reduce(0) { $0 + $1.byteCount }
  }

  func next(_ countMax: Int) throws(ContentError) -> [UInt8] {
    while let piece = pieces.first {
      guard position < piece.byteCount else {
        pieces.removeFirst()
        position = 0
        continue
      }
      let countMax = min(countMax, piece.byteCount - position)
      let bytes: [UInt8]
      switch piece {
      case .bytes(let new): bytes = Array(new[position..<position + countMax])
      case .range(let range):
        guard let read = file.read(at: range.lowerBound + position, countMax) else {
          throw ContentError("the content kept as \(blob) can't be read, or isn't what was written")
        }
        bytes = Array(read)
      }
      position += bytes.count
      rest -= bytes.count
      return bytes
    }
    return []
  }

  func skip(_ count: Int) {
    var count = min(count, rest)
    rest -= count
    while count > 0, let piece = pieces.first {
      let step = min(count, piece.byteCount - position)
      position += step
      count -= step
      if position == piece.byteCount {
        pieces.removeFirst()
        position = 0
      }
    }
  }
}

extension Blobs {
  /// Begins to read what a payload is kept as.
  ///
  /// - Parameter isTrusted: it was written a moment ago, or is only looked at: what doesn't vouch for itself isn't read
  ///   twice.
  func open(_ payload: Payload, isTrusted: Bool) throws(ContentError) -> any ContentReader {
    let blob: BlobReference
    let pieces: [PatchedBlob.Piece]
    switch payload.content {
    case .bytes(let bytes): return BytesReader(bytes)
    case .blob(let whole): (blob, pieces) = (whole, [.range(0..<whole.byteCount)])
    case .patched(let patched): (blob, pieces) = (patched.source, patched.pieces)
    }
    guard let file = BlobFile(self, blob) else { throw ContentError("the file of \(blob) is gone") }
    guard isTrusted || file.isSealed ? file.isWhole : file.fitsItsHash() else {
      throw ContentError("the content kept as \(blob) doesn't fit its hash: it is damaged")
    }
    return BlobReader(file, blob, pieces)
  }
}
