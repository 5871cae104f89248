package import HL7
package import Hilt
import Messages

/// What of an arrival is a message of its own.
package enum BatchRule: Sendable {
  /// Each record of lines.
  case records
  /// Each group that holds a segment, with what stands outside of such groups. The program gives out a part after the
  /// other, and drops what has no such group.
  case segments(HL7SegmentCode, HiltProgram)
  /// Each of the elements that the path finds.
  case elements(ElementPath)

  init?(_ setting: SplitSetting) {
    switch setting {
    case .record: self = .records
    case .elements(let path): self = .elements(path)
    case .segment(let code):
      guard let program = HiltProgram.compile(Self.program(code), file: "split").program else { return nil }
      self = .segments(code, program)
    }
  }

  /// As a person would write it.
  private static func program(_ code: HL7SegmentCode) -> String {
    """
    transform split
      in  hl7
      out hl7

    for part in each \(code) {
      let out = copy msg
      for other in out.each \(code) {
        if other.index != part.index { remove other }
      }
      if MSH-10 is valued { out.MSH-10 = "{MSH-10}.{part.index}" }
      emit out
    } none => drop "no \(code)"

    """
  }
}
