import Messages

/// The way to an element: `RequestAttributesSequence[1].ScheduledProcedureStepID`, `(0040,0275)[1].(0040,0009)`,
/// `(0019,"GEMS_ACQU_01",9C)`. Items count from 1; without a number the first is meant.
package struct DICOMPath: Sendable, Hashable, CustomStringConvertible {
  package enum Tag: Sendable, Hashable {
    case standard(DICOMTag)
    /// A private element by the maker that has the block: which block that is differs from file to file.
    case privateBlock(group: UInt16, creator: String, element: UInt8)
  }

  package struct Step: Sendable, Hashable {
    package var tag: Tag
    package var item: Int?

    package init(_ tag: Tag, item: Int? = nil) {
      self.tag = tag
      self.item = item
    }
  }

  package var steps: [Step]

  package init(_ steps: [Step]) { self.steps = steps }
  package init(_ tag: DICOMTag) { steps = [Step(.standard(tag))] }

  /// Why a text is no path.
  package struct Mistake: Error, Hashable, CustomStringConvertible {
    package var description: String
  }

  package init(_ text: String) throws(Mistake) {
    var rest = Substring(text)
    steps = []
    while true {
      var step = Step(try Self.tag(&rest))
      if rest.first == "[" {
        let digits = rest.dropFirst().prefix { $0 != "]" }
        guard let number = Int(digits), number >= 1, digits.utf8.allSatisfy({ $0 & 0xF0 == 0x30 }) else {
          throw Mistake(description: "items count from 1: [1]")
        }
        step.item = number
        rest = rest.dropFirst(digits.count + 2)
      }
      steps.append(step)
      if rest.isEmpty { return }
      guard rest.first == "." else { throw Mistake(description: "behind an element stands [1], a point or nothing") }
      rest = rest.dropFirst()
    }
  }

  private static func tag(_ rest: inout Substring) throws(Mistake) -> Tag {
    guard rest.first == "(" else {
      let word = rest.prefix { $0 != "." && $0 != "[" }
      rest = rest.dropFirst(word.count)
      if let tag = DICOMDictionary.tag(String(word)) { return .standard(tag) }
      let near = DICOMDictionary.nearestKeyword(to: String(word))
      throw Mistake(
        description: "DICOM has no element of this name" + (near.map { "; did you mean \($0)?" } ?? ""))
    }
    if rest.dropFirst(5).hasPrefix(",\""), let group = UInt16(rest.dropFirst().prefix(4), radix: 16), group & 1 == 1 {
      let creator = rest.dropFirst(7).prefix { $0 != "\"" }
      let behind = rest.dropFirst(7 + creator.count)
      guard behind.hasPrefix("\","), behind.dropFirst(4).first == ")", !creator.isEmpty,
        let element = UInt8(behind.dropFirst(2).prefix(2), radix: 16)
      else { throw Mistake(description: "a private element is (gggg,\"CREATOR\",ee)") }
      rest = behind.dropFirst(5)
      return .privateBlock(group: group, creator: String(creator), element: element)
    }
    guard let tag = DICOMTag(rest.prefix(11)) else { throw Mistake(description: "a tag is (gggg,eeee)") }
    rest = rest.dropFirst(11)
    return .standard(tag)
  }

  package var description: String {
    steps.map { step in
      let item = step.item.map { "[\($0)]" } ?? ""
      switch step.tag {
      case .standard(let tag): return (DICOMDictionary.attribute(tag)?.keyword ?? "\(tag)") + item
      case .privateBlock(let group, let creator, let element):
        let digits = DICOMHex.digits(UInt16(element)).dropFirst(2)
        return "(\(DICOMHex.digits(group)),\"\(creator)\",\(digits))" + item
      }
    }.joined(separator: ".")
  }
}
