/// A part of a rendered template, as the store keeps it.
package struct TemplateValue: Sendable, Codable, Equatable {
  /// Of a number that isn't given yet, one `#` for each of its digits.
  package var text: String
  /// A value of the message, as against text of the channel's author.
  package var isValue: Bool
  /// The number that the commit gives for it.
  package var numbering: Numbering?

  /// `sequence("lab", 6)`
  package struct Numbering: Sendable, Codable, Equatable {
    package var name: String
    /// Digits, with zeros before the number; one that has more keeps them.
    package var width: Int
  }

  package init(text: String, isValue: Bool) {
    self.text = text
    self.isValue = isValue
  }

  /// A number that the commit gives: the next one of this name in the channel.
  package init(numberOf name: String, width: Int) {
    self.init(text: String(repeating: "#", count: max(1, width)), isValue: false)
    numbering = Numbering(name: name, width: width)
  }
}
