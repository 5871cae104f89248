import ConnectorKit
import HL7
import Messages

/// The messages in a file.
enum FileMessages {
  enum Split {
    case messages([Range<Int>])
    /// Not all of the file is there, or there is nothing in it; the text says what, without content.
    case refused(String)
  }

  /// - Parameter isMany: HL7 messages one after the other, with or without batch segments. What can't be read as that
  ///   is one message, for the channel to refuse and to keep.
  static func split(_ bytes: [UInt8], isMany: Bool, _ settings: HL7Settings) -> Split {
    if bytes.isEmpty { return .refused("the file is empty") }
    let whole = 0..<bytes.count
    guard isMany else { return .messages([whole]) }
    let options = HL7ReadingOptions(segmentEnd: settings.segmentEnd == .any ? .any : .cr)
    guard let batch = try? HL7Batch(bytes, options) else { return .messages([whole]) }
    if let announced = batch.announcedMessageCount, announced > batch.messages.count {
      return .refused("its batch trailers (BTS-1) announce \(announced) messages, and it holds \(batch.messages.count)")
    }
    if batch.messages.isEmpty, batch.announcedMessageCount == nil { return .refused("the file holds no message") }
    return .messages(batch.messages)
  }

  /// MSH-10, made fit to be shown; `nil` where it can't be read.
  static func controlID(_ message: ArraySlice<UInt8>) -> String? {
    let headerBytesMax = 4096
    guard let id = HL7Header(Array(message.prefix(headerBytesMax)))?.controlID, !id.isEmpty else { return nil }
    return FileName(id).description
  }
}
