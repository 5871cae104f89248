import Messages

/// What is kept of a message beside its bytes, sealed as one: what the source knew, the columns' texts, the steps, the
/// reason.
struct RecordContent: Sendable {
  var attributes: [String: Value]
  var reason: String?
  /// By the column's key.
  var columns: [(key: Int64, text: String)]
  var steps: [Step]
  /// Lanes that the message was not routed to.
  var passedBy: [Int64]

  private static let version: UInt8 = 1

  var encoded: [UInt8] {
    var writer = ByteWriter(reserving: 256)
    writer.byte(Self.version)
    writer.fields(attributes)
    writer.optional(reason)
    writer.count(columns.count)
    for column in columns {
      writer.signed(column.key)
      writer.text(column.text)
    }
    writer.count(passedBy.count)
    for lane in passedBy { writer.signed(lane) }
    writer.count(steps.count)
    for step in steps {
      writer.byte(step.kind.code)
      writer.text(step.text)
      writer.optional(step.lane)
      writer.byte(step.at == nil ? 0 : 1)
      if let at = step.at { writer.signed(at) }
    }
    return writer.bytes
  }

  init(
    attributes: [String: Value], reason: String?, columns: [(key: Int64, text: String)], steps: [Step],
    passedBy: [Int64]
  ) {
    self.attributes = attributes
    self.reason = reason
    self.columns = columns
    self.steps = steps
    self.passedBy = passedBy
  }

  init(decoding bytes: [UInt8]) throws(ByteReader.Unreadable) {
    var reader = ByteReader(bytes)
    guard try reader.byte() == Self.version else { throw ByteReader.Unreadable() }
    attributes = try reader.fields()
    reason = try reader.optional()
    columns = []
    for _ in 0..<(try reader.count()) { columns.append((try reader.signed(), try reader.text())) }
    passedBy = []
    for _ in 0..<(try reader.count()) { passedBy.append(try reader.signed()) }
    steps = []
    for _ in 0..<(try reader.count()) {
      guard let kind = Step.Kind(code: try reader.byte()) else { throw ByteReader.Unreadable() }
      let text = try reader.text()
      let lane = try reader.optional()
      steps.append(Step(kind, text, lane: lane, at: try reader.byte() == 0 ? nil : try reader.signed()))
    }
  }
}

/// How a delivery's last attempt ended, sealed as one: its summary and the partner's answer.
struct ResultContent: Sendable {
  enum Reply: Sendable {
    case none
    case bytes(Format, [UInt8])
    case blob(Format, BlobReference)
  }
  var summary: String
  var reply: Reply
  /// What went to the sender who waited, where a reply transform made it.
  var answer: Payload?
  /// It was taken back because its sender was not answered in time, and sends it again.
  var isWithdrawn = false
  /// It is dead of a refusal that may pass (AE): sent again by its sender, it is tried again.
  var isPassing = false
  /// It is dead in a lane that senders waited for: who sends it again was not told that it is accepted.
  var isAwaited = false

  var encoded: [UInt8] {
    var writer = ByteWriter(reserving: 64 + summary.utf8.count)
    writer.text(summary)
    switch reply {
    case .none: writer.byte(0)
    case .bytes(let format, let bytes):
      writer.byte(1)
      writer.byte(format.code)
      writer.blob(bytes)
    case .blob(let format, let blob):
      writer.byte(2)
      writer.byte(format.code)
      writer.blobReference(blob)
    }
    // Only where there is something to say: rows of before have nothing here.
    guard answer != nil || isWithdrawn || isPassing || isAwaited else { return writer.bytes }
    writer.byte((isWithdrawn ? 1 : 0) | (isPassing ? 2 : 0) | (isAwaited ? 4 : 0))
    if let answer, case .bytes(let bytes) = answer.content {
      writer.byte(1)
      writer.byte(answer.format.code)
      writer.blob(bytes)
    } else {
      writer.byte(0)
    }
    return writer.bytes
  }

  init(summary: String, reply: Reply) {
    self.summary = summary
    self.reply = reply
  }

  init(decoding bytes: [UInt8]) throws(ByteReader.Unreadable) {
    var reader = ByteReader(bytes)
    summary = try reader.text()
    switch try reader.byte() {
    case 0: reply = .none
    case 1:
      let format = try reader.format()
      reply = .bytes(format, try reader.blob())
    case 2:
      let format = try reader.format()
      reply = .blob(format, try reader.blobReference())
    default: throw ByteReader.Unreadable()
    }
    guard !reader.isAtEnd else { return }
    let marks = try reader.byte()
    (isWithdrawn, isPassing, isAwaited) = (marks & 1 != 0, marks & 2 != 0, marks & 4 != 0)
    if try reader.byte() == 1 {
      let format = try reader.format()
      answer = Payload(format, try reader.blob())
    }
  }
}

/// The parts of a delivery's rendered settings.
enum RenderedContent {
  static func encode(_ rendered: [String: [TemplateValue]]) -> [UInt8] {
    var writer = ByteWriter()
    writer.count(rendered.count)
    for (name, parts) in rendered {
      writer.text(name)
      writer.count(parts.count)
      for part in parts {
        guard let numbering = part.numbering else {
          writer.byte(part.isValue ? 1 : 0)
          writer.text(part.text)
          continue
        }
        writer.byte(2)
        writer.text(numbering.name)
        writer.byte(UInt8(clamping: numbering.width))
      }
    }
    return writer.bytes
  }

  static func decode(_ bytes: [UInt8]) throws(ByteReader.Unreadable) -> [String: [TemplateValue]] {
    var reader = ByteReader(bytes)
    var rendered: [String: [TemplateValue]] = [:]
    for _ in 0..<(try reader.count()) {
      let name = try reader.text()
      var parts: [TemplateValue] = []
      for _ in 0..<(try reader.count()) {
        let kind = try reader.byte()
        let text = try reader.text()
        parts.append(
          kind == 2
            ? TemplateValue(numberOf: text, width: Int(try reader.byte()))
            : TemplateValue(text: text, isValue: kind == 1))
      }
      rendered[name] = parts
    }
    return rendered
  }
}

extension PatchedBlob {
  var encoded: [UInt8] {
    var writer = ByteWriter(reserving: 64 + newByteCount)
    writer.blobReference(source)
    writer.count(pieces.count)
    for piece in pieces {
      switch piece {
      case .bytes(let bytes):
        writer.byte(0)
        writer.blob(bytes)
      case .range(let range):
        writer.byte(1)
        writer.count(range.lowerBound)
        writer.count(range.count)
      }
    }
    return writer.bytes
  }

  init(decoding bytes: [UInt8]) throws(ByteReader.Unreadable) {
    var reader = ByteReader(bytes)
    let source = try reader.blobReference()
    var pieces: [Piece] = []
    for _ in 0..<(try reader.count()) {
      if try reader.byte() == 0 {
        pieces.append(.bytes(try reader.blob()))
      } else {
        let (start, count) = (try reader.number(), try reader.number())
        guard start <= UInt64(source.byteCount), count <= UInt64(source.byteCount) - start else {
          throw ByteReader.Unreadable()
        }
        pieces.append(.range(Int(start)..<Int(start + count)))
      }
    }
    guard let patched = PatchedBlob(source, pieces) else { throw ByteReader.Unreadable() }
    self = patched
  }
}

extension ByteWriter {
  mutating func blobReference(_ blob: BlobReference) {
    fixed(blob.id.high)
    fixed(blob.id.low)
    count(blob.byteCount)
    self.blob(blob.sha256)
  }
}

extension ByteReader {
  mutating func format() throws(Unreadable) -> Format {
    guard let format = Format(code: try byte()) else { throw Unreadable() }
    return format
  }

  mutating func blobReference() throws(Unreadable) -> BlobReference {
    let id = Identifier(high: try fixed(), low: try fixed())
    let size = try number()
    guard size <= UInt64(Int64.max) else { throw Unreadable() }
    return BlobReference(id: id, byteCount: Int(size), sha256: try blob())
  }
}

// The numbers below stand in the file: they are never given another meaning.

extension Format {
  var code: UInt8 {
    switch self {
    case .hl7v2: 1
    case .fhir: 2
    case .json: 3
    case .xml: 4
    case .dicom: 5
    case .delimited: 6
    case .text: 7
    case .bytes: 8
    }
  }

  init?(code: UInt8) {
    guard let format = Self.allCases.first(where: { $0.code == code }) else { return nil }
    self = format
  }
}

extension Step.Kind {
  private static let coded: [Step.Kind] = [
    .received, .note, .emitted, .unrouted, .dropped, .rejected, .held, .failed, .flagged, .retried, .discarded,
    .reprocessed,
  ]

  var code: UInt8 {
    switch self {
    case .received: 0
    case .note: 1
    case .emitted: 2
    case .unrouted: 3
    case .dropped: 4
    case .rejected: 5
    case .held: 6
    case .failed: 7
    case .flagged: 8
    case .retried: 9
    case .discarded: 10
    case .reprocessed: 11
    }
  }

  init?(code: UInt8) {
    guard Int(code) < Self.coded.count else { return nil }
    self = Self.coded[Int(code)]
  }
}

extension MessageState {
  private static let coded: [MessageState] = [
    .routed, .dropped, .held, .failed, .rejected, .duplicate, .discarded,
  ]

  var code: Int {
    switch self {
    case .routed: 0
    case .dropped: 1
    case .held: 2
    case .failed: 3
    case .rejected: 4
    case .duplicate: 5
    case .discarded: 6
    }
  }

  init?(code: Int64) {
    guard code >= 0, code < Int64(Self.coded.count) else { return nil }
    self = Self.coded[Int(code)]
  }

  /// Of a message that was taken over: what counts as `accepted` in the ledger.
  var isAccepted: Bool { self != .rejected && self != .duplicate }
}

/// Why a row of `delivery` that waits (state 0) isn't sent.
enum HeldCode: Int64 {
  case no = 0
  /// `DeliveryState.held`: it was tried, and a person decides what becomes of it.
  case delivery = 1
  /// No delivery: a failed message keeps its place.
  case place = 2
}

extension DeliveryState {
  /// The state of a row. What is held stands in its row as waiting: it keeps its number in the lane.
  init?(row: Int64, held: Int64) {
    if row == 0, held != 0 { self = .held } else { self.init(code: row) }
  }

  /// What stands in the row's column.
  var rowCode: Int { self == .held ? DeliveryState.waiting.code : code }

  private static let coded: [DeliveryState] = [.waiting, .delivered, .dead, .discarded, .cancelled, .held]

  var code: Int {
    switch self {
    case .waiting: 0
    case .delivered: 1
    case .dead: 2
    case .discarded: 3
    case .cancelled: 4
    case .held: 5
    }
  }

  init?(code: Int64) {
    guard code >= 0, code < Int64(Self.coded.count) else { return nil }
    self = Self.coded[Int(code)]
  }
}
