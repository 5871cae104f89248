package import DICOM
package import HL7
package import Messages
package import Text

/// What a program is run over.
package struct HiltInput: Sendable {
  /// `msg`: the message that came; for a destination's settings, the message that is sent. `nil` where it is not HL7.
  package var message: HL7Message?
  /// `original`: the message that came, where `message` is what a transform made of it.
  package var original: HL7Message?
  /// `sent`: of a reply transform, what the partner was sent.
  package var sent: HL7Message?
  /// The content of a message that is not HL7.
  package var bytes: [UInt8]
  /// The object, where DICOM came and somebody has read it already: its pixels need not be in memory. `nil`: `bytes`
  /// are read.
  package var dicom: DICOMObject?
  /// The document, where JSON came and somebody has read it already. `nil`: `bytes` are read.
  package var json: JSONNode?
  /// `message.*`: `id` and `channel` as text, `received` as an integer (milliseconds since 1970, UTC), `source` as a
  /// record (`peer`, `file.name`, …).
  package var attributes: [String: Value]
  /// `meta.*`: what the transform attached to what it emitted.
  package var meta: [String: Value]
  package var limits: HiltLimits
  /// A person released the message: `hold` as a statement is passed over. Where `hold` stands for a value, the run
  /// ends with it as ever.
  package var isReleased = false

  package init(
    _ message: HL7Message?, original: HL7Message? = nil, sent: HL7Message? = nil, bytes: [UInt8] = [],
    attributes: [String: Value] = [:],
    meta: [String: Value] = [:], limits: HiltLimits = HiltLimits()
  ) {
    self.message = message
    self.original = original
    self.sent = sent
    self.bytes = bytes
    self.attributes = attributes
    self.meta = meta
    self.limits = limits
  }
}

extension Run {
  /// The document that came, of an expression that stands alone.
  func document(at span: Span) throws -> Datum {
    if let known = given.json { return Datum(json: known) }
    try step(bytes: given.bytes.count, at: span)
    do throws(JSONError) {
      return Datum(json: try JSONDocument(given.bytes).root)
    } catch {
      throw Interrupt.failure(
        Failure(.stopping, .unreadable, "this is no JSON that can be read: \(error)", at: span))
    }
  }
}
