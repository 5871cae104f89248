/// A data set as a person reads it: one line an element. It holds what the data set holds, so it is for eyes that may
/// see that, and never for a log.
package struct DICOMDump: Sendable {
  package var valueCharactersMax: Int
  package var linesMax: Int

  package init(valueCharactersMax: Int = 64, linesMax: Int = 100_000) {
    self.valueCharactersMax = valueCharactersMax
    self.linesMax = linesMax
  }

  /// Lines without an end.
  package func lines(of object: DICOMObject) -> [String] {
    var lines: [String] = []
    add(object.meta, 0, &lines)
    add(object.dataSet, 0, &lines)
    return lines
  }

  package func lines(of dataSet: DICOMDataSet) -> [String] {
    var lines: [String] = []
    add(dataSet, 0, &lines)
    return lines
  }

  private func add(_ dataSet: DICOMDataSet, _ depth: Int, _ lines: inout [String]) {
    for element in dataSet.elements {
      guard lines.count < linesMax else { return }
      if lines.count == linesMax - 1 {
        lines.append("…")
        return
      }
      let margin = String(repeating: "  ", count: depth)
      let name = Self.name(element)
      let head = "\(margin)\(element.tag) \(element.writtenVR) \(name)"
      let gap = String(repeating: " ", count: max(1, 48 - head.unicodeScalars.count))
      lines.append(head + gap + value(element))
      for (number, item) in element.items.enumerated() where lines.count < linesMax {
        lines.append("\(margin)  [\(number + 1)]" + (item.isEmpty ? " empty" : ""))
        add(item, depth + 2, &lines)
      }
    }
  }

  private static func name(_ element: DICOMElement) -> String {
    if let attribute = element.attribute { return attribute.keyword }
    if element.tag.isGroupLength { return "GroupLength" }
    if element.tag.isPrivateCreator { return "PrivateCreator" }
    return element.privateCreator.map { "\"\(plain($0))\"" } ?? "-"
  }

  private func value(_ element: DICOMElement) -> String {
    if element.isSequence {
      let count = element.items.count
      return count == 1 ? "1 item" : "\(count) items"
    }
    if element.isEncapsulated {
      let bytes = element.fragments.reduce(0) { $0 + $1.count }
      return "\(element.fragments.count) fragments, \(bytes) bytes"
    }
    let range = element.valueRange
    if range.isEmpty { return "" }
    do throws(DICOMError) {
      let vr = element.vr
      switch vr {
      case .us, .ss, .ul, .sl, .uv, .sv: return listed(try element.integers().map { String($0) })
      case .fl: return listed(try element.floats().map { "\(Float($0))" })
      case .fd: return listed(try element.floats().map { "\($0)" })
      case .at: return listed(try element.tags().map(\.description))
      case .ui:
        let uids = try element.texts()
        let names = uids.compactMap { DICOMDictionary.name(ofUID: $0)?.name }
        return short(uids.joined(separator: "\\")) + (names.isEmpty ? "" : " " + names.joined(separator: ", "))
      default:
        guard vr.isText else { return "\(range.count) bytes" }
        return short(try element.texts().joined(separator: "\\"))
      }
    } catch {
      return "\(range.count) bytes: \(error.reason)"
    }
  }

  private func listed(_ numbers: [String]) -> String {
    let shown = numbers.prefix(16).joined(separator: "\\")
    return numbers.count > 16 ? "\(shown)\\… \(numbers.count) values" : shown
  }

  private func short(_ text: String) -> String {
    let plain = Self.plain(text)
    let scalars = plain.unicodeScalars
    guard scalars.count > valueCharactersMax else { return "[\(plain)]" }
    return "[\(String(String.UnicodeScalarView(scalars.prefix(valueCharactersMax))))…] \(text.utf8.count) bytes"
  }

  /// On one line, without what a terminal would obey.
  private static func plain(_ text: String) -> String {
    var plain = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": plain += "\\n"
      case "\r": plain += "\\r"
      case "\t": plain += "\\t"
      default:
        if scalar.properties.generalCategory == .control {
          plain += "\\x" + DICOMHex.digits(UInt16(truncatingIfNeeded: scalar.value)).suffix(2)
        } else {
          plain.unicodeScalars.append(scalar)
        }
      }
    }
    return plain
  }
}
