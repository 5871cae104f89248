import FoundationEssentials

extension AlertNotice {
  /// What is mailed to people. Times are UTC. Nothing of a message is in it.
  package func words(site: String) -> (subject: String, text: String) {
    let place = alert.key.place
    let now = event == .raised ? alert.text : "is over: \(alert.text)"
    var lines = ["\(site): \(place)", now, ""]
    if let contact = alert.contact { lines.append("Contact: \(contact)") }
    lines.append("Raised: \(Self.time(alert.raisedAt))")
    if let cleared = alert.clearedAt { lines.append("Over: \(Self.time(cleared))") }
    lines.append("Alert \(alert.id) (\(alert.key.kind.rawValue)), notice \(id)")
    if event == .raised { lines += ["", "hilum alert ack \(alert.id) --why \"…\" says that somebody looks after it."] }
    return ("[\(site)] \(place): \(now)", lines.joined(separator: "\n") + "\n")
  }

  private static func time(_ milliseconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
  }
}
