import ConnectorKit
import NIOHTTP1
import Testing

@testable import Connectors

struct STOWAnswerTests {
  private static let uid = STOWRunning.uid

  private func meaning(
    _ status: Int, _ body: String, retryAfter: String? = nil, isPossibleDuplicate: Bool = false
  ) -> Result<Reply, DeliveryError> {
    STOWAnswer(
      status: HTTPResponseStatus(statusCode: status), retryAfter: retryAfter, body: Array(body.utf8),
      target: "pacs:443"
    ).meaning(for: Self.uid, isPossibleDuplicate: isPossibleDuplicate, now: 784_111_770)
  }

  @Test func `an object is delivered when it is named as stored, and a warning is told`() {
    #expect(meaning(200, STOWPeer.stored(Self.uid)).summary == "200 OK")
    #expect(meaning(202, STOWPeer.stored(Self.uid + " ")).summary == "202 Accepted")
    #expect(meaning(200, "[\(STOWPeer.stored(Self.uid))]").summary == "200 OK")
    #expect(
      meaning(202, STOWPeer.stored(Self.uid, warning: 0xB000)).summary
        == "202 Accepted, B000H, data elements were coerced")
  }

  @Test func `an answer that doesn't name it is no delivery`() {
    for body in [
      "{}", STOWPeer.stored("1.2.3"), STOWPeer.stored(Self.uid + ".1"), #"{"00081199":{"vr":"SQ"}}"#,
      #"{"00081199":{"vr":"SQ","Value":[{"00081150":{"vr":"UI","Value":["\#(Self.uid)"]}}]}}"#,
      #"{"00081199":"\#(Self.uid)"}"#,
    ] {
      let error = meaning(200, body).error
      #expect(error?.kind == .unanswered && error?.bytesSent == true, "\(body)")
    }
  }

  @Test func `an answer that is none of DICOMweb says nothing of the object, and holds the lane`() {
    for (status, body) in [
      (200, ""), (204, ""), (200, "<html>Sign in</html>"), (200, "[]"), (200, STOWPeer.stored(Self.uid) + "x"),
      (200, String(repeating: "[", count: 1000)),
    ] {
      let error = meaning(status, body).error
      #expect(error?.kind == .unreachable && error?.bytesSent == true, "\(status) \(body)")
    }
    var large = STOWAnswer(status: .ok, body: nil, target: "pacs:443")
    #expect(
      large.meaning(for: Self.uid, isPossibleDuplicate: false, now: 0).error?.kind == .unreachable)
    large.body = Array(STOWPeer.stored(Self.uid).utf8)
    large.isOfWhole = false
    let early = large.meaning(for: Self.uid, isPossibleDuplicate: false, now: 0).error
    #expect(early?.kind == .unreachable && early?.reason.contains("before it had the whole") == true)
  }

  @Test(arguments: [
    (0xA700, DeliveryError.Kind.retryable, "A700"), (0x0110, .retryable, "0110"), (0x0213, .retryable, "0213"),
    (0xB00F, .retryable, "B00F"), (0xA900, .permanent, "A900"), (0xC000, .permanent, "C000"),
    (0x0122, .permanent, "0122"), (0xC122, .permanent, "C122"), (0x0111, .permanent, "0111"),
    (0xB00E, .permanent, "B00E"), (0x0124, .permanent, "0124"),
  ])
  func `a failure is tried again or not by its reason, whatever the status`(
    reason: Int, kind: DeliveryError.Kind, code: String
  ) {
    for status in [200, 202, 400, 409, 415] {
      let error = meaning(status, STOWPeer.failed(Self.uid, reason)).error
      #expect(error?.kind == kind && error?.code == code, "\(status)")
      #expect(error?.reason.contains("\(code)H, ") == true)
    }
    // One was sent: a failure of another name, or of none, is of it.
    let other = STOWPeer.failed("1.2.3", reason)
    #expect(meaning(200, other).error?.code == code && meaning(409, other).error?.code == code)
  }

  @Test func `what is stored beside what failed is told apart by its UID`() {
    let stored = STOWPeer.stored(Self.uid).dropLast()
    let failed = STOWPeer.failed("1.2.3", 0xC000).dropFirst()
    #expect(meaning(202, "\(stored),\(failed)").summary == "202 Accepted")
    let both = STOWPeer.failed(Self.uid, 0xC000).dropFirst()
    #expect(meaning(202, "\(stored),\(both)").error?.code == "C000")
  }

  @Test(arguments: [0x0111, 0xB00E])
  func `what is there already is delivered where an earlier answer may have been lost`(reason: Int) {
    let again = meaning(409, STOWPeer.failed(Self.uid, reason), isPossibleDuplicate: true)
    #expect(again.summary?.hasSuffix("it has an object with this UID") == true)
    #expect(meaning(409, STOWPeer.failed(Self.uid, 0xA900), isPossibleDuplicate: true).error?.kind == .permanent)
  }

  @Test(arguments: [301, 302, 307, 308, 401, 403, 404, 405, 406, 407, 408, 411, 429, 501, 502, 503, 504, 505, 507])
  func `what says nothing of the object is not counted against it`(status: Int) {
    let error = meaning(status, "who cares", retryAfter: "120").error
    #expect(error?.kind == .unreachable && error?.retryAfter == .seconds(120))
    // Only of a gateway nobody knows what stands behind it.
    #expect(error?.bytesSent == (status == 502 || status == 504))
    #expect(error?.reason.contains("who cares") == false)
  }

  @Test func `other refusals are of the object, by the code of HTTP`() {
    for status in [400, 409, 413, 415, 422, 418] {
      let error = meaning(status, "no\nPatient  here").error
      #expect(error?.kind == .permanent && error?.code == "\(status)")
      #expect(error?.partnerText == "no Patient here" && error?.reason.contains("Patient") == false)
    }
    #expect(meaning(500, "{}").error?.kind == .retryable)
    #expect(meaning(599, "").error?.reason == "pacs:443 answered 599")
    // Orthanc answers so to what it can't read.
    #expect(meaning(400, #"{"00081198":{"vr":"SQ"},"00081199":{"vr":"SQ"}}"#).error?.code == "400")
  }

  @Test func `a server that asks to wait says seconds or a date`() {
    #expect(STOWAnswer.wait("90", now: 0) == .seconds(90))
    #expect(STOWAnswer.wait("Sun, 06 Nov 1994 08:49:37 GMT", now: 784_111_770) == .seconds(7))
    #expect(STOWAnswer.wait("Sun, 06 Nov 1994 08:49:37 GMT", now: 784_200_000) == .zero)
    for text in ["", "-1", "soon", "1.5", "Sun, 06 Nov 1994 08:49:37 CET", "99999999999"] {
      #expect(STOWAnswer.wait(text, now: 0) == nil, "\(text)")
    }
  }
}
