package import HL7
package import Messages

/// What a site's messages have beyond the standard: `profile "acme.profile.yaml"`. What is read and written is checked
/// against it; any message is read all the same.
package struct HiltProfile: Sendable, Hashable {
  /// A field or component that the standard doesn't have, or has otherwise.
  package struct Part: Sendable, Hashable {
    /// A data type of HL7: `ST`, `CX`; *varies* for what nothing is known of.
    package var type: String
    /// `nil`: as the standard has it; once where it has none.
    package var repeats: Bool?

    package init(type: String, repeats: Bool? = nil) {
      self.type = type
      self.repeats = repeats
    }
  }

  package struct Segment: Sendable, Hashable {
    package var fields: [Int: Part]
    /// Behind which segment one is put that the output lacks; `nil`: at the end.
    package var after: HL7SegmentCode?

    package init(fields: [Int: Part] = [:], after: HL7SegmentCode? = nil) {
      self.fields = fields
      self.after = after
    }
  }

  /// As the file calls itself.
  package var name: String
  package var segments: [HL7SegmentCode: Segment]
  /// Components beyond those of the standard, by data type and number.
  package var types: [String: [Int: Part]]
  /// Message structures by the site's own name, such as `ADT_Z01`, with the one of the standard that they are.
  package var structures: [String: String]

  package init(
    name: String, segments: [HL7SegmentCode: Segment] = [:], types: [String: [Int: Part]] = [:],
    structures: [String: String] = [:]
  ) {
    self.name = name
    self.segments = segments
    self.types = types
    self.structures = structures
  }

  /// What the reading of a file gives.
  package struct Reading: Sendable {
    package var profile: HiltProfile?
    package var problems: [Problem]

    package init(profile: HiltProfile?, problems: [Problem]) {
      self.profile = profile
      self.problems = problems
    }
  }
}
