import ConnectorKit
import Messages

/// What stands beside a file that was set aside: which messages, and what each was rejected for. A rejection's words
/// may quote the message; the message itself lies beside them, under the same protection. Logs get `reason` alone.
struct FileReason {
  static let suffix = ".reason.txt"

  let channel: ChannelName
  let file: FileName
  /// In one sentence.
  let reason: String
  var refused: [String] = []

  /// A file that could not be taken at all.
  init(_ reason: String, file: FileName, channel: ChannelName) {
    self.channel = channel
    self.file = file
    self.reason = reason
  }

  /// A file with messages that were rejected.
  init(_ taken: FileTaken, channel: ChannelName) {
    self.channel = channel
    file = taken.name
    let count = taken.messages.count
    reason = "\(taken.refusals.count) of \(count) message\(count == 1 ? " was" : "s were") rejected, the others taken"
    refused = taken.refusals.map { refusal in
      let rejection = refusal.rejection
      var line = "message \(refusal.message): \(rejection.code)"
      if let place = rejection.place.flatMap(Self.place) { line += " at \(place)" }
      let range = taken.messages[refusal.message - 1]
      if let id = FileMessages.controlID(taken.bytes[range]) { line += ", control id \(id)" }
      if let id = rejection.message { line += ", kept as \(id)" }
      return rejection.text.isEmpty ? line : line + ": " + Self.sentence(rejection.text)
    }
  }

  var text: String {
    var lines = ["channel: \(channel)", "file: \(file)", "reason: \(reason)"] + refused
    if !refused.isEmpty { lines.append("`hilum why ID` tells the story of a message that is kept.") }
    return lines.joined(separator: "\n") + "\n"
  }

  /// On one line, not endless, and harmless to a terminal.
  private static func sentence(_ text: String) -> String {
    let charactersMax = 500
    let short = text.count > charactersMax ? text.prefix(charactersMax) + "…" : text[...]
    return FileName(String(short)).description
  }

  /// A place in the standard's notation, `PID-3[1].4`; anything else might be content.
  private static func place(_ text: String) -> String? {
    let isPlace =
      text.utf8.count <= 40
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
          UInt8(ascii: "."), UInt8(ascii: "["), UInt8(ascii: "]"):
          true
        default: false
        }
      }
    return isPlace && !text.isEmpty ? text : nil
  }
}
