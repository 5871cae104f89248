import NIOCore
import Testing

@testable import Partners

@Suite struct `A partner's URL` {
  @Test(arguments: [
    ("mllp://127.0.0.1:2575", PartnerEndpoint(host: "127.0.0.1", port: 2575)),
    ("mllps://ehr.example:6661/", PartnerEndpoint(host: "ehr.example", port: 6661, isTLS: true)),
    ("mllp://[::1]:2575", PartnerEndpoint(host: "::1", port: 2575)),
    ("dicom://PACS@127.0.0.1:104", PartnerEndpoint(.dicom, title: "PACS", port: 104)),
    ("dicoms://[::1]:2762/", PartnerEndpoint(.dicom, host: "::1", port: 2762, isTLS: true)),
    ("dicom:// CT 1 @hub:104", PartnerEndpoint(.dicom, title: "CT 1", host: "hub", port: 104)),
  ]) func `names host, port and TLS`(url: String, endpoint: PartnerEndpoint) throws {
    #expect(try PartnerEndpoint(url: url) == endpoint)
  }

  @Test func `reads back as it is printed`() throws {
    let endpoint = PartnerEndpoint(host: "::1", port: 6661, isTLS: true)
    #expect(endpoint.description == "mllps://[::1]:6661")
    #expect(try PartnerEndpoint(url: endpoint.description) == endpoint)
    let titled = PartnerEndpoint(.dicom, title: "PACS", host: "hub", port: 104, isTLS: true)
    #expect(titled.description == "dicoms://PACS@hub:104")
    #expect(try PartnerEndpoint(url: titled.description) == titled)
  }

  @Test(arguments: [
    "localhost:2575", "http://a:1", "mllp://a", "mllp://:1", "mllp://a:70000", "mllp://a:b", "", "dicom://@a:104",
    "dicom://SEVENTEEN-LETTERS@a:104", "dicom://A\\B@a:104", "dicom://A\u{1B}@a:104", "dicom://PACS@a",
  ])
  func `that is none is refused`(url: String) {
    #expect(throws: PartnerError.self) { try PartnerEndpoint(url: url) }
  }
}

@Suite struct `Reading headers` {
  private func controlID(_ text: String) -> String? {
    let bytes = Array(text.utf8)
    return HeaderScan.controlID(in: bytes.span).map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  private func acknowledgement(_ text: String) -> (AcknowledgementCode, String)? {
    let bytes = Array(text.utf8)
    guard let (code, id) = HeaderScan.acknowledgement(in: bytes.span) else { return nil }
    return (code, String(decoding: bytes[id], as: UTF8.self))
  }

  @Test func `finds MSH-10 with whatever separator the message declares`() {
    #expect(controlID("MSH|^~\\&|A|B|C|D|20260101||ADT^A01|ID-1|P|2.5\rPID|1\r") == "ID-1")
    #expect(controlID("MSH#^~\\&#A#B#C#D#20260101##ADT^A01#ID|1#P#2.5\r") == "ID|1")
    #expect(controlID("MSH|^~\\&|A|B|C|D|20260101||ADT^A01|LAST\r") == "LAST")
    #expect(controlID("MSH|^~\\&|A|B|C|D|20260101||ADT^A01|END") == "END")
  }

  @Test(arguments: [
    "", "M", "MSH", "MSH|", "MSH|^~\\&|A|B|C|D|2026||ADT^A01||P|2.5\r", "MSH|^~\\&|A\rPID|1|||||||||||X|\r",
  ])
  func `finds none where there is none`(text: String) {
    #expect(controlID(text) == nil)
  }

  @Test func `finds MSA-1 and MSA-2 wherever the MSA segment stands`() throws {
    let plain = try #require(acknowledgement("MSH|^~\\&|A|B|C|D|2026||ACK|9|P|2.5\rMSA|AE|ID-7|text\rERR|1\r"))
    #expect(plain == (.AE, "ID-7"))
    let later = try #require(acknowledgement("MSH|^~\\&|A\r\nSFT|x\r\nMSA|CA|ID-8\r\n"))
    #expect(later == (.CA, "ID-8"))
    let withoutID = try #require(acknowledgement("MSH|^~\\&|A\rMSA|AR\r"))
    #expect(withoutID == (.AR, ""))
  }

  @Test(arguments: [
    "", "MSA|AA|1\r", "MSH|^~\\&|A\rPID|1\r", "MSH|^~\\&|A\rMSA|XX|1\r", "MSH|^~\\&|A\rMSA||1\r", "no HL7",
  ])
  func `takes nothing else for an acknowledgement`(text: String) {
    #expect(acknowledgement(text) == nil)
  }
}

@Suite struct `Cutting frames` {
  private static let stream = "junk\u{0B}one\u{1C}\r\r\n\u{0B}two\u{1C}with FS\u{1C}\r\u{1C}\r\u{0B}\u{1C}\r\u{0B}half"
  private static let frames = ["one", "two\u{1C}with FS", ""]

  @Test(arguments: [1, 2, 3, 5, 7, 100]) func `gives the same frames however the bytes come`(step: Int) {
    let bytes = Array(Self.stream.utf8)
    var scan = FrameScan()
    var frames: [String] = []
    for start in stride(from: 0, to: bytes.count, by: step) {
      scan.feed(ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)]))
      while let frame = scan.next() { frames.append(String(buffer: frame)) }
    }
    #expect(frames == Self.frames)
  }

  @Test func `says when a frame grows too long`() {
    var scan = FrameScan()
    scan.feed(ByteBuffer(bytes: [FrameScan.start]))
    scan.feed(ByteBuffer(repeating: 0x41, count: FrameScan.frameBytesMax))
    #expect(scan.next() == nil)
    #expect(scan.isOverlong)
  }
}

@Suite struct `A latency histogram` {
  @Test func `gives percentiles within two per cent`() {
    var histogram = LatencyHistogram()
    for value in 1...100_000 { histogram.add(nanoseconds: UInt64(value) * 1_000) }
    for (share, exact) in [(0.5, 50_000_000.0), (0.95, 95_000_000), (0.99, 99_000_000), (1, 100_000_000)] {
      let found = Double(histogram.nanoseconds(at: share))
      #expect(abs(found - exact) <= exact * 0.02, "\(share): \(found)")
    }
    #expect(histogram.nanosecondsMaxSeen == 100_000_000)
    #expect(histogram.count == 100_000)
  }

  @Test func `is exact for small values and safe for absurd ones`() {
    var histogram = LatencyHistogram()
    #expect(histogram.nanoseconds(at: 0.5) == 0)
    histogram.add(nanoseconds: 7)
    #expect(histogram.nanoseconds(at: 0) == 7)
    #expect(histogram.nanoseconds(at: 2) == 7)
    histogram.add(nanoseconds: .max)
    #expect(histogram.nanosecondsMaxSeen == .max)
    #expect(histogram.count == 2)
  }

  @Test func `of two is the histogram of both`() {
    var (low, high, both) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
    for value in UInt64(1)...1_000 {
      if value % 2 == 0 { low.add(nanoseconds: value) } else { high.add(nanoseconds: value * 1_000) }
      both.add(nanoseconds: value % 2 == 0 ? value : value * 1_000)
    }
    low.add(high)
    #expect(low == both)
  }
}

@Suite struct `Printed numbers` {
  @Test(arguments: [
    (1.004, 2, "1.00"), (0.05, 1, "0.1"), (12, 0, "12"), (-0.001, 2, "0.00"), (-1.5, 1, "-1.5"), (0.0625, 4, "0.0625"),
  ])
  func `keep their decimals`(value: Double, places: Int, text: String) {
    #expect(Decimals.text(value, places: places) == text)
  }
}
