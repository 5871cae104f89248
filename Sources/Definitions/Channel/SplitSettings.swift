import ConnectorKit
import Messages

/// Beside a source's connector: what is one message.
struct SplitSettings: Settings {
  @Setting(
    """
    `record` makes a message of each record of what comes, for `format: delimited` and `text`: of each line, but for \
    line ends in quotes. Where the transform says `header yes` the first line stands before each record. Every message \
    has its own id, and those of one batch share `message.source.batch.id` (also the column `batch`: `hilum messages \
    list --where batch=ID`), with `number` and `count` beside it. The sender gets one answer, when all are on disk: \
    where one record is rejected, the batch is, whole, and nothing of it is processed. After a crash in the middle the \
    batch is taken again, and what was kept of it is known.
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
    guard let format, format != .delimited, format != .text else { return split }
    let instead =
      format == .hl7v2
      ? ["`hl7: {batch: split}` parts batches; a message is parted by a transform that emits several"]
      : ["a transform can emit several messages"]
    reader.problem("C130", "\(format.rawValue) has no records to split", at: node.place, help: instead)
    return nil
  }
}

enum SplitSetting: String, SettingChoice { case record }
