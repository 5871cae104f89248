/// The name of a channel: the word after `channel:` in its file.
public struct ChannelName: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let text: String
  public init(_ text: String) { self.text = text }
  public var description: String { text }
  public static func < (a: ChannelName, b: ChannelName) -> Bool { a.text < b.text }
}

/// The name of a lane: one destination of one channel, written `channel/destination`.
public struct LaneName: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let channel: ChannelName
  public let destination: String

  public init(channel: ChannelName, destination: String) {
    self.channel = channel
    self.destination = destination
  }

  /// Reads `channel/destination`; `nil` without exactly one slash with something on both sides.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
    self.init(channel: ChannelName(String(parts[0])), destination: String(parts[1]))
  }

  public var description: String { "\(channel)/\(destination)" }
  public static func < (a: LaneName, b: LaneName) -> Bool {
    a.channel == b.channel ? a.destination < b.destination : a.channel < b.channel
  }
}
