import HL7
import Text

/// Copies a repetition with some components changed, as bytes.
///
/// It knows the plain case only: text of printing ASCII without separators, escapes or quotes, which every character
/// set writes alike. For all else it gives `nil`, and the components are put together one by one.
struct Splice: Sendable {
  struct Change {
    var component: Int
    var subcomponent: Int?
    var content: HL7Content
  }

  private let source: ArraySlice<UInt8>
  private let delimiters: HL7Delimiters
  private let charset: Charset
  private var bytes: [UInt8] = []

  private init(_ piece: HL7Piece) {
    source = piece.bytes
    delimiters = piece.delimiters
    charset = piece.charset
    bytes.reserveCapacity(source.count + 32)
  }

  /// - Parameter changes: in the order of their components.
  static func copy(_ piece: HL7Piece, _ changes: [Change]) -> HL7Piece? {
    guard piece.level == .repetition || piece.level == .field else { return nil }
    guard piece.delimiters.subcomponent != nil, !piece.isNull else { return nil }
    var splice = Splice(piece)
    guard splice.run(changes) else { return nil }
    return HL7Piece(splice.bytes, level: .repetition, delimiters: piece.delimiters, charset: piece.charset)
  }

  private mutating func run(_ changes: [Change]) -> Bool {
    var next = 0
    var component = 1
    var start = source.startIndex
    var isInside = true
    while isInside || next < changes.count {
      var end = start
      if isInside {
        while end < source.endIndex, source[end] != delimiters.component {
          if source[end] == delimiters.repetition { return false }
          end += 1
        }
      }
      let original = isInside ? source[start..<end] : source[source.endIndex...]
      if component > 1 { bytes.append(delimiters.component) }
      if next < changes.count, changes[next].component == component {
        // Several changes of one component are of its subcomponents.
        if changes[next].subcomponent == nil {
          guard append(changes[next].content, nested: false) else { return false }
          next += 1
          if next < changes.count, changes[next].component == component { return false }
        } else {
          guard appendSubcomponents(original, changes, &next, component) else { return false }
        }
      } else {
        bytes.append(contentsOf: original)
      }
      isInside = isInside && end < source.endIndex
      start = end + 1
      component += 1
    }
    while bytes.last == delimiters.component { bytes.removeLast() }
    return true
  }

  private mutating func appendSubcomponents(
    _ original: ArraySlice<UInt8>, _ changes: [Change], _ next: inout Int, _ component: Int
  ) -> Bool {
    guard let separator = delimiters.subcomponent else { return false }
    let parts = original.split(separator: separator, omittingEmptySubsequences: false)
    var number = 1
    while number <= parts.count || (next < changes.count && changes[next].component == component) {
      if number > 1 { bytes.append(separator) }
      if next < changes.count, changes[next].component == component, changes[next].subcomponent == number {
        guard append(changes[next].content, nested: true) else { return false }
        next += 1
      } else if number <= parts.count {
        bytes.append(contentsOf: parts[number - 1])
      }
      number += 1
      if number > HL7Draft.componentNumberMax { return false }
    }
    while bytes.last == separator { bytes.removeLast() }
    return true
  }

  private mutating func append(_ content: HL7Content, nested: Bool) -> Bool {
    switch content {
    case .absent: return true
    case .null:
      bytes.append(contentsOf: [0x22, 0x22])
      return true
    case .text(let text):
      return append(text)
    case .piece(let piece):
      guard piece.delimiters == delimiters, piece.charset == charset,
        piece.level == .subcomponent || piece.level == .component && !nested
      else { return false }
      bytes.append(contentsOf: piece.bytes)
      return true
    case .parts(let parts) where !nested:
      guard let separator = delimiters.subcomponent else { return false }
      for (index, part) in parts.enumerated() {
        if index > 0 { bytes.append(separator) }
        guard append(part, nested: true) else { return false }
      }
      while bytes.last == separator { bytes.removeLast() }
      return true
    default: return false
    }
  }

  private mutating func append(_ text: String) -> Bool {
    for byte in text.utf8 {
      guard byte >= 0x20, byte < 0x7F, byte != 0x22, byte != delimiters.field, byte != delimiters.component,
        byte != delimiters.repetition, byte != delimiters.escape, byte != delimiters.subcomponent,
        byte != delimiters.truncation
      else { return false }
      bytes.append(byte)
    }
    return true
  }
}
