package import Messages
import Store

/// The words with which a delivery ends that another channel took.
package enum HandedOn {
  private static let opening = "handed on to "
  private static let middle = " as "

  static func summary(_ decided: Decided, _ name: ChannelName, _ id: MessageID) -> String {
    let there =
      switch decided.state {
      case .dropped: " (dropped there)"
      case .held: " (held there)"
      case .failed: " (failed there)"
      default: ""
      }
    return "\(opening)\(name)\(middle)\(id)\(there)"
  }

  /// The message that it is in the other channel; `nil` for other words.
  package static func message(_ summary: String) -> MessageID? {
    guard summary.hasPrefix(opening) else { return nil }
    let words = summary.dropFirst(opening.count).split(separator: " ")
    return words.count >= 3 && words[1] == "as" ? Identifier(String(words[2])) : nil
  }
}
