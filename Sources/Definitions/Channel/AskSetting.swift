import ConnectorKit
import Messages

/// `ask:` `no`, `yes`, or `{within: 5s, in-flight: 16}`.
enum AskSetting: SettingValue {
  case no
  case yes(AskBlock)

  static func read(_ node: SettingNode, _ reader: SettingReader) -> AskSetting? {
    if case .map = node.kind { return AskBlock.read(node, reader).map { .yes($0) } }
    return Bool.read(node, reader).map { $0 ? .yes(AskBlock()) : .no }
  }

  static var kind: SettingKind { .either([.choice(["no", "yes"]), AskBlock.kind]) }
  var text: String { if case .no = self { "no" } else { "yes" } }

  var block: AskBlock? { if case .yes(let block) = self { block } else { nil } }

  /// What is said of deliveries says nothing of questions. Looked at in the file, where it is known what was written.
  static func checkNeighbours(_ reader: SettingReader, _ node: SettingNode) {
    guard let ask = node["ask"], AskSetting.read(ask, SettingReader(folder: ""))?.block != nil else { return }
    let instead = [
      "order": "several are asked at once, each by itself: `ask: {in-flight: 8}`",
      "window": "several are asked at once, each by itself: `ask: {in-flight: 8}`",
      "retry": "a question is asked once, for as long as `ask: {within: 10s}` says",
      "refused": "a question is asked once; what an answer means, `reply:` says",
    ]
    for (key, help) in instead.sorted(by: { $0.key < $1.key }) {
      guard let written = node[key] else { continue }
      reader.problem("C150", "`\(key)` is about deliveries, and this is a question", at: written.place, help: [help])
    }
    if node["reply"] == nil {
      reader.problem(
        "C150", "a question needs a `reply:` program: nobody else reads its answer", at: ask.place,
        help: ["reply: ../Transforms/answer.hilt, with `answer msg` for the sender, or `emit … to \"other\"`"])
    }
  }
}

/// `ask: {within: 5s, in-flight: 16}`
struct AskBlock: Settings {
  @Setting("How long a question may take, its way to the front included.", default: .seconds(10)) var within: Duration
  @Setting("Questions that are asked at once, each on a connection of its own.", default: 8) var inFlight: Int

  init() {}

  func check(_ reader: SettingReader, _ node: SettingNode) {
    if within < .milliseconds(100) || within > .seconds(600) {
      reader.problem("C131", "`within` goes from 100ms to 10m", at: (node["within"] ?? node).place)
    }
    reader.range(
      "in-flight", in: 1...OrderSetting.inFlightMax, "from 1 to \(OrderSetting.inFlightMax)", node)
  }
}
