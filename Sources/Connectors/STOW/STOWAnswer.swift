import ConnectorKit
import DICOM
import Glibc
import NIOHTTP1

/// A server's answer to one object (PS3.18 10.5.3), and what it means for the delivery.
struct STOWAnswer: Sendable {
  let status: HTTPResponseStatus
  /// The value of `Retry-After`.
  var retryAfter: String?
  /// `nil` where it is larger than is read.
  var body: [UInt8]?
  /// The server had all of the object when it answered.
  var isOfWhole = true
  /// The server as the channel file names it.
  let target: String

  /// - Parameters:
  ///   - isPossibleDuplicate: it may have been sent before.
  ///   - now: seconds since 1970.
  func meaning(
    for sopInstance: String, isPossibleDuplicate: Bool, now: Int64
  ) -> Result<Reply, DeliveryError> {
    switch status.code {
    case 200..<300: return taken(sopInstance, isPossibleDuplicate)
    case 400, 409, 415:
      let failed = body.flatMap { STOWStored($0) }?.failed ?? []
      if let entry = failed.first(where: { $0.sopInstance == sopInstance }) ?? failed.first {
        return refused(entry, isPossibleDuplicate)
      }
      return .failure(refusal(.permanent))
    // What its address, its login or its way of speaking is not right for: it says nothing about the object.
    case 300..<400:
      return .failure(away("it is somewhere else, which is not followed: correct `url`"))
    case 401: return .failure(away("it wants another login (`user` and `password`, or `token`)"))
    case 403: return .failure(away("whoever signs in here may not store"))
    case 404, 405, 501: return .failure(away("nothing is stored at this `url`"))
    case 406, 407, 411, 505: return .failure(away("it does not take such requests"))
    case 408, 429, 503, 507: return .failure(away("it should be tried later"))
    // Of one behind it nobody knows whether it has the object.
    case 502, 504: return .failure(away("it should be tried later", bytesSent: true))
    case 500...: return .failure(refusal(.retryable))
    default: return .failure(refusal(.permanent))
    }

    func away(_ why: String, bytesSent: Bool = false) -> DeliveryError {
      DeliveryError(
        .unreachable, "\(said): \(why)", retryAfter: retryAfter.flatMap { Self.wait($0, now: now) },
        bytesSent: bytesSent)
    }
  }

  private var said: String { "\(target) answered \(code)" }
  private var code: String { Self.words(status) }

  /// A status in the words of the standard: those of a server are not for a log.
  static func words(_ status: HTTPResponseStatus) -> String {
    if case .custom = status { "\(status.code)" } else { "\(status.code) \(status.reasonPhrase)" }
  }

  private func taken(_ sopInstance: String, _ isPossibleDuplicate: Bool) -> Result<Reply, DeliveryError> {
    guard isOfWhole else {
      return .failure(
        DeliveryError(.unreachable, "\(said) before it had the whole object", bytesSent: true))
    }
    guard let answer = body.flatMap({ STOWStored($0) }) else {
      // As a portal does that has slid in between: every object would be told the same.
      return .failure(
        DeliveryError(
          .unreachable, "\(said), and does not say as DICOMweb has it what became of the object", bytesSent: true))
    }
    if let failed = answer.failed.first(where: { $0.sopInstance == sopInstance }) {
      return refused(failed, isPossibleDuplicate)
    }
    if let stored = answer.stored.first(where: { $0.sopInstance == sopInstance }) {
      return .success(Reply(stored.status.map { "\(code), \(STOWReason($0))" } ?? code))
    }
    // One was sent: whichever failed, it is that.
    if let failed = answer.failed.first { return refused(failed, isPossibleDuplicate) }
    return .failure(
      DeliveryError(.unanswered, "\(said), and does not name the object as stored", bytesSent: true))
  }

  private func refused(_ entry: STOWStored.Entry, _ isPossibleDuplicate: Bool) -> Result<Reply, DeliveryError> {
    guard let reason = entry.status.map({ STOWReason($0) }) else { return .failure(refusal(.permanent)) }
    if reason.isThere, isPossibleDuplicate {
      // The answer to an earlier try was lost.
      return .success(Reply("\(code), \(reason)"))
    }
    return .failure(
      DeliveryError(
        reason.isTransient ? .retryable : .permanent, "\(said): \(reason)", code: reason.status.hexadecimal,
        bytesSent: true))
  }

  private func refusal(_ kind: DeliveryError.Kind) -> DeliveryError {
    DeliveryError(kind, said, code: "\(status.code)", partnerText: Self.beginning(of: body ?? []), bytesSent: true)
  }

  /// The beginning of what stands in the answer, where that is text.
  private static func beginning(of body: [UInt8]) -> String? {
    let text = String(decoding: body.prefix(500), as: UTF8.self)
    let words = text.split { $0.isWhitespace || $0.unicodeScalars.allSatisfy { $0.value < 0x20 } }
    return words.isEmpty || text.contains("\0") ? nil : words.joined(separator: " ")
  }

  /// RFC 9110 section 10.2.3: seconds, or a date.
  static func wait(_ text: String, now: Int64) -> Duration? {
    if let seconds = UInt32(text) { return .seconds(Int64(seconds)) }
    // Sun, 06 Nov 1994 08:49:37 GMT
    let words = text.split { " ,:".contains($0) }
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    guard words.count == 8, words[7] == "GMT", let month = months.firstIndex(of: String(words[2])) else { return nil }
    let numbers = [1, 3, 4, 5, 6].compactMap { Int32(words[$0]) }
    guard numbers.count == 5, numbers.allSatisfy({ (0...9999).contains($0) }) else { return nil }
    var date = tm()
    (date.tm_mday, date.tm_mon, date.tm_year) = (numbers[0], Int32(month), numbers[1] - 1900)
    (date.tm_hour, date.tm_min, date.tm_sec) = (numbers[2], numbers[3], numbers[4])
    return .seconds(max(0, Int64(timegm(&date)) - now))
  }
}

/// Why an object was not stored, or what to warn of (PS3.18 table I.2-2): mostly the statuses of C-STORE.
struct STOWReason: CustomStringConvertible {
  let status: DIMSEStatus

  init(_ status: DIMSEStatus) { self.status = status }

  /// The server has an object with this UID: as the standard says it, and as Azure does.
  var isThere: Bool { status.code == 0x0111 || status.code == 0xB00E }

  /// Besides what C-STORE has: Azure is at storing it.
  var isTransient: Bool { status.isTransient || status.code == 0xB00F }

  var description: String {
    switch status.code {
    case 0x0111, 0xB00E: "\(status.hexadecimal)H, it has an object with this UID"
    case 0xB00F: "\(status.hexadecimal)H, it is storing an object with this UID"
    case 0xC122: "\(status.hexadecimal)H, its transfer syntax is not supported"
    default: "\(status)"
    }
  }
}
