/// The byte parts of one unit, one behind the other in one array: one allocation, and SQLite takes them where they are.
struct Slab: Sendable {
  struct Piece: Sendable {
    var start: Int
    var count: Int
  }
  var bytes: [UInt8] = []

  init(reserving count: Int) { bytes.reserveCapacity(count) }

  /// What was appended since `start`.
  func piece(from start: Int) -> Piece { Piece(start: start, count: bytes.count - start) }

  mutating func append(_ more: [UInt8]) -> Piece {
    let start = bytes.count
    bytes.append(contentsOf: more)
    return piece(from: start)
  }

  subscript(_ piece: Piece) -> ArraySlice<UInt8> { bytes[piece.start..<piece.start + piece.count] }
}
