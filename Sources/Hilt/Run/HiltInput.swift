package import HL7
package import Messages

/// What a program is run over.
package struct HiltInput: Sendable {
  /// `msg`: the message that came; for a destination's settings, the message that is sent. `nil` where the payload is
  /// not HL7: then only `message.*` and literals can be used.
  package var message: HL7Message?
  /// `original`: the message that came, where `message` is what a transform made of it.
  package var original: HL7Message?
  /// `message.*`: `id` and `channel` as text, `received` as an integer (milliseconds since 1970, UTC), `source` as a
  /// record (`peer`, `file.name`, …).
  package var attributes: [String: Value]
  /// `meta.*`: what the transform attached to what it emitted.
  package var meta: [String: Value]
  package var limits: HiltLimits

  package init(
    _ message: HL7Message?, original: HL7Message? = nil, attributes: [String: Value] = [:],
    meta: [String: Value] = [:], limits: HiltLimits = HiltLimits()
  ) {
    self.message = message
    self.original = original
    self.attributes = attributes
    self.meta = meta
    self.limits = limits
  }
}
