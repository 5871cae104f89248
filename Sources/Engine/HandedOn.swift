package import Messages
import Store

/// The words with which a delivery ends that another channel took.
package enum HandedOn {
  private static let opening = "handed on to "
  private static let middle = " as "

  /// - Parameter gathered: of how many the message was made.
  static func summary(_ decided: Decided, _ name: ChannelName, _ id: MessageID, gathered: Int) -> String {
    let there =
      switch decided.state {
      case .dropped: " (dropped there)"
      case .held: " (held there)"
      case .failed: " (failed there)"
      default: ""
      }
    let others = gathered > 1 ? "gathered with \(gathered - 1) other\(gathered == 2 ? "" : "s"), " : ""
    return "\(others)\(opening)\(name)\(middle)\(id)\(there)"
  }

  /// The message that it is in the other channel; `nil` for other words.
  package static func message(_ summary: String) -> MessageID? {
    var words = summary[...]
    if words.hasPrefix("gathered with "), let comma = words.firstIndex(of: ",") {
      words = words[words.index(after: comma)...].drop { $0 == " " }
    }
    guard words.hasPrefix(opening) else { return nil }
    let parts = words.dropFirst(opening.count).split(separator: " ")
    return parts.count >= 3 && parts[1] == "as" ? Identifier(String(parts[2])) : nil
  }
}
