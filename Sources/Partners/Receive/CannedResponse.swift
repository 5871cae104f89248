import HL7

/// A message from a file that a test partner answers with, in place of an acknowledgement: each time addressed to who
/// asked, with a control id of its own.
package struct CannedResponse: Sendable {
  private let message: HL7Message

  /// - Throws: a file that can't be read, or that holds no HL7 v2 message with an MSA segment.
  package init(path: String) throws {
    // Written in an editor its segments end with LF.
    let bytes = try FileBytes.read(path).map { $0 == 0x0A ? 0x0D : $0 }
    message = try HL7Message(bytes, HL7ReadingOptions(segmentEnd: .any))
    if message.segment("MSA", occurrence: 1) == nil { throw NoMSA(path: path) }
  }

  /// As a frame; `nil` where the question has no MSH that can be read.
  ///
  /// - Parameter number: of the answer: its control id.
  package func frame(to question: [UInt8], number: Int) -> [UInt8]? {
    guard let header = HL7Header(question),
      let answer = HL7Acknowledgment().addressed(message, to: header, controlID: "R\(number)")
    else { return nil }
    return [0x0B] + answer + [0x1C, 0x0D]
  }

  private struct NoMSA: Error, CustomStringConvertible {
    let path: String
    var description: String { "\(path) has no MSA segment: it can't name the message that it answers" }
  }
}
