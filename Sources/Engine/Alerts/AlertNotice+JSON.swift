import FoundationEssentials

extension AlertNotice {
  /// What is posted: an object whose `text` alone is enough for a chat, and whose parts are enough for a program.
  ///
  /// Times are UTC, as RFC 3339 has them. Nothing of a message is in it.
  package func json(site: String) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let posted = PostedNotice(self, site: site)
    return (try? encoder.encode(posted)).map { Array($0) } ?? []
  }
}

private struct PostedNotice: Encodable {
  var text: String
  var site: String
  /// Comes again where its first answer was lost.
  var notice: Int
  var event: String
  var alert: Int
  var kind: String
  var channel: String?
  var lane: String?
  var file: String?
  var what: String
  var contact: String?
  var raised: String
  var cleared: String?

  init(_ notice: AlertNotice, site: String) {
    let alert = notice.alert
    let now = notice.event == .raised ? alert.text : "is over: \(alert.text)"
    text = "\(site): \(alert.key.place): \(now)" + (alert.contact.map { " (\($0))" } ?? "")
    self.site = site
    self.notice = notice.id
    event = notice.event.rawValue
    self.alert = alert.id
    kind = alert.key.kind.rawValue
    channel = alert.key.channel
    lane = alert.key.lane
    file = alert.key.file
    what = alert.text
    contact = alert.contact
    raised = Self.time(alert.raisedAt)
    cleared = alert.clearedAt.map(Self.time)
  }

  private static func time(_ milliseconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
  }
}
