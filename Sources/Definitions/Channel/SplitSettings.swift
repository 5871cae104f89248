import ConnectorKit
import HL7
import Messages

/// Beside a source's connector: what is one message.
struct SplitSettings: Settings {
  @Setting(
    """
    `record` makes a message of each record of what comes, for `format: delimited` and `text`: of each line, but for \
    line ends in quotes. Where the transform says `header yes` the first line stands before each record. \
    `{segment: OBR}` makes a message of each group of an HL7 message that holds such a segment, as `each OBR` of the \
    transform language finds them; what stands outside of them comes with each, and MSH-10 gets the part's number \
    (`4711.2`). One with a single group, or none, stays as it is. `{xpath: "//c:patient", namespaces: {c: \
    "urn:hl7-org:v3"}}` makes a message of each element of an XML document that the path finds, with the namespaces \
    that hold there; a document without any is rejected. Every message has its own id, and those of one batch \
    share `message.source.batch.id` (also the column `batch`: `hilum messages list --where batch=ID`), with `number` \
    and `count` beside it. The sender gets one answer, when all are on disk: where one part is rejected, the batch is, \
    whole, and nothing of it is processed. After a crash in the middle the batch is taken again, and what was kept of \
    it is known.
    """, example: "record")
  var split: SplitSetting?

  init() {}

  /// `nil` where nothing is split, or where it can't be.
  static func read(
    beside source: SettingNode, _ format: Format?, of connector: String, _ reader: SettingReader
  ) -> SplitSetting? {
    guard let node = source["split"], let split = SplitSetting.read(node, reader) else { return nil }
    if connector == ChannelSource.name {
      reader.problem(
        "C130", "what another channel hands on is one message", at: node.place,
        help: ["split where it comes in, or emit several messages in the transform of the first channel"])
      return nil
    }
    if source["prepare"] != nil {
      reader.problem(
        "C130", "`split` parts what comes before `prepare` has mended it", at: node.place,
        help: ["remove `split`, and emit several messages in the transform", "remove `prepare`"])
      return nil
    }
    if let acknowledge = source[connector]?["acknowledge"] {
      reader.problem(
        "C130", "the sender waits for the verdict on one delivery, and what is split has several",
        at: acknowledge.place,
        help: ["remove `acknowledge`: the sender is answered when all parts are on disk", "remove `split`"])
      return nil
    }
    return split.fits(format, node, reader) ? split : nil
  }
}

/// `split: record`, `split: {segment: OBR}`, `split: {xpath: /list/patient}`
enum SplitSetting: SettingValue {
  case record
  case segment(HL7SegmentCode)
  case elements(ElementPath)

  private static let ways = ["record", "{segment: OBR}", "{xpath: /list/patient}"]

  static func read(_ node: SettingNode, _ reader: SettingReader) -> SplitSetting? {
    switch node.kind {
    case .scalar("record"): return .record
    case .map(let entries) where node["xpath"] != nil:
      return ElementPath.read(node, entries, reader).map { .elements($0) }
    case .map(let entries):
      for entry in entries where entry.key != "segment" { reader.unknown(entry, known: ["segment", "xpath"]) }
      guard let segment = node["segment"] else {
        reader.problem("C102", "`segment` or `xpath` is missing", at: node.place, help: ways)
        return nil
      }
      return code(segment, reader).map { .segment($0) }
    case .scalar(let text):
      let isCode = HL7SegmentCode(text).map { HL7Tables.segment($0) != nil } ?? false
      reader.problem(
        "C104", "`\(text)` is nothing to split by", at: node.place,
        label: nearest(to: text, among: ["record"]).map { "did you mean `\($0)`?" },
        help: isCode ? ["{segment: \(text)}"] : ["one of " + ways.joined(separator: ", ")])
      return nil
    case .list:
      reader.expected("`record`, a segment or a path", node, help: ways)
      return nil
    }
  }

  private static func code(_ node: SettingNode, _ reader: SettingReader) -> HL7SegmentCode? {
    guard let text = node.scalar, let code = HL7SegmentCode(text), code.isLocal || HL7Tables.segment(code) != nil,
      !code.declaresDelimiters
    else {
      let near = node.scalar.flatMap { nearest(to: $0, among: HL7Tables.segmentNames) }
      reader.problem(
        "C103", "a segment of HL7 v2 that comes several times in a message is needed here", at: node.place,
        label: near.map { "did you mean `\($0)`?" }, help: ["segment: OBR"])
      return nil
    }
    return code
  }

  fileprivate func fits(_ format: Format?, _ node: SettingNode, _ reader: SettingReader) -> Bool {
    guard let format else { return true }
    switch self {
    case .record where format != .delimited && format != .text:
      let instead =
        switch format {
        case .hl7v2: ["split: {segment: OBR}", "`hl7: {batch: split}` parts batches"]
        case .xml: ["split: {xpath: /list/patient}"]
        default: ["a transform can emit several messages"]
        }
      reader.problem("C130", "\(format.rawValue) has no records to split", at: node.place, help: instead)
      return false
    case .segment where format != .hl7v2:
      reader.problem(
        "C130", "\(format.rawValue) has no segments to split by", at: node.place,
        help: ["split: record", "a transform can emit several messages"])
      return false
    case .elements where format != .xml:
      let instead = format == .hl7v2 ? "split: {segment: OBR}" : "split: record"
      reader.problem(
        "C130", "\(format.rawValue) has no elements to split by", at: node.place, help: [instead, "format: xml"])
      return false
    default: return true
    }
  }

  static var kind: SettingKind {
    .either([.choice(["record"]), .scalar("`{segment: OBR}`"), .scalar("`{xpath: /list/patient}`")])
  }

  var text: String {
    switch self {
    case .record: "record"
    case .segment(let code): "{segment: \(code)}"
    case .elements(let path): path.text
    }
  }
}
