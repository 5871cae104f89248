package import Text

/// What a message that came and a message in the making have in common: both are read in the same way.
///
/// A segment is named by an id. The ids of a message that came are 0, 1, 2… in order; a draft gives new ids to what is
/// added, and an id stays what it is while others come and go.
package protocol HL7Reading: Sendable {
  var delimiters: HL7Delimiters { get }
  var charset: Charset { get }
  /// The ids of all segments in their order.
  var segmentIDs: [Int] { get }
  /// `nil` where there is no such segment or its name is not three capitals or digits.
  func code(of segment: Int) -> HL7SegmentCode?
  /// The id of the n-th segment (from 1) of a name.
  func segment(_ code: HL7SegmentCode, occurrence: Int) -> Int?
  /// The id of the first segment of a name, and whether there is another.
  func firstSegment(_ code: HL7SegmentCode) -> (segment: Int, isOnly: Bool)?
  /// The ids of all segments of a name, in order.
  func segments(named code: HL7SegmentCode) -> [Int]
  /// The number of the last field that the segment has bars for.
  func fieldCount(of segment: Int) -> Int
  /// A field by its number in the standard; empty where the segment ends before it or does not exist.
  ///
  /// MSH-1 is the field separator, MSH-2 the encoding characters; both are never split.
  func field(_ number: Int, of segment: Int) -> HL7Piece
}

extension HL7Reading {
  /// The raw stretch at a position of a segment: empty where there is none.
  package func piece(at position: HL7Position, of segment: Int) -> HL7Piece {
    field(position.field, of: segment).piece(at: position)
  }

  /// The raw stretch at a path: empty where there is none.
  package func piece(at path: HL7Path) -> HL7Piece {
    guard let segment = segment(path.segment, occurrence: path.occurrence) else {
      return HL7Piece([], level: .field, delimiters: delimiters, charset: charset)
    }
    return piece(at: path.position, of: segment)
  }

  /// The leaf at a path: levels that the path does not name are taken as the first.
  package func value(at path: HL7Path) throws(HL7TextError) -> HL7Value {
    do {
      return try piece(at: path).value()
    } catch {
      throw error.at(path)
    }
  }

  /// The leaf at a position of a segment: levels that the position does not name are taken as the first.
  package func value(at position: HL7Position, of segment: Int) throws(HL7TextError) -> HL7Value {
    try piece(at: position, of: segment).value()
  }

  /// How many repetitions a field has: 0 where it is empty.
  package func repetitionCount(ofField number: Int, of segment: Int) -> Int {
    field(number, of: segment).repetitionCount
  }
}
