import NIOCore

/// The limits of this room in one place.
enum MLLPLimits {
  /// A connection that has lived for so long was no failure to connect.
  static let steady: Duration = .seconds(2)
  /// How many messages of one connection may wait for their receipts before its bytes are left in the kernel.
  static let unansweredMax = 64
  /// How many bytes of messages may, whatever their number; a single larger message is taken when nothing else waits.
  static let unansweredBytesMax = 8 << 20
  /// How many bytes of messages that have not arrived whole a source may hold over all its connections.
  static func unfinishedBytesMax(_ messageBytesMax: Int) -> Int { max(256 << 20, 4 * min(messageBytesMax, 1 << 40)) }
  /// How long a sender whose message is refused for its size may go on sending before its connection is cut: without it
  /// the kernel would drop the refusal together with the connection (RFC 1122 section 4.2.2.13).
  static let linger: TimeAmount = .seconds(2)
  /// How long a sender that sends nothing more may take to read its last answers.
  static let farewell: TimeAmount = .seconds(30)
  /// Connections that the kernel holds while the source is not accepting.
  static let backlog: Int32 = 1_024
  /// The largest answer that a partner may give.
  static let answerBytesMax = 4 << 20
  /// What a partner may send outside of frames before its answer counts as garbage: line ends and the like.
  static let answerJunkBytesMax = 16
  /// How long after an answer a partner's end of the connection is waited for, where it ended one before. Longer than
  /// an end takes that follows an answer at once; a partner that keeps the connection is waited for once.
  static let settle: TimeAmount = .milliseconds(20)
  /// Messages that were answered with CA and whose application acknowledgement may still come on the same connection.
  static let committedMax = 256
  /// How many connections a destination's port holds beyond those that it can use: partners that are still in their
  /// handshake, and old ones that end.
  static let visitsBeyondMax = 16
  /// How long to wait after so many connections in a row that did not come about or brought nothing: a second, then
  /// twice as long each time up to half a minute, each drawn between the half and the whole of it, so that two sides
  /// that went down together don't come up in step.
  static func pause(failures: Int) -> Duration {
    let longest = 1_000 << min(max(0, failures - 1), 5)
    return .milliseconds(Int.random(in: min(longest, 30_000) / 2...min(longest, 30_000)))
  }
}
