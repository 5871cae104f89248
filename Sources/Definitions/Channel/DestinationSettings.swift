import ConnectorKit
import Messages

/// The keys of a destination beside its connector.
struct DestinationSettings: Settings {
  @Setting(
    "Which messages go there: a Hilt condition on the message that is sent. Without it all of them.",
    example: "MSH-9.2 in [\"A01\", \"A03\"]")
  var when: HiltSource?
  @Setting("This destination's own program, after the channel's.", example: "../Transforms/for-ehr.hilt")
  var transform: TransformSetting?
  @Setting(
    """
    What may go past what. `strict`: first in, first out; a delivery that waits for its retry holds those behind it. \
    `{by: ["PID-3[1].1", "MRG-1[1].1"], in-flight: 8}`: a message waits for every earlier one that shares any of its \
    keys, read from the message as it is sent; one without a key waits for all before it and holds all behind it. So \
    many are under way at once, each on a connection of its own. `none`: as they come; `{by: none, in-flight: 16}` \
    says how many at once.
    """, default: .strict)
  var order: OrderSetting
  @Setting(
    "Messages that may be under way at once on one connection, for partners that answer in order.", default: 1)
  var window: Int
  @Setting(
    "Answers whose record may be not yet on disk when the next message is sent: after a crash so many may go twice. "
      + "Never fewer than `in-flight` or `window`.",
    default: 32)
  var unconfirmed: Int
  @Setting("While the partner can't be reached or does not answer.")
  var retry: RetrySettings?
  @Setting(
    """
    When the partner refuses a message: tries again for each code, and then. `then: dead` puts the message aside and \
    goes on with the next; with `then: hold` it keeps its place until a person releases or discards it (`hilum held`), \
    and what its order lets wait waits behind it. A connection that is lost three times after the same message was \
    sent counts as one AE, until one has died of it: then the partner must answer before another can.
    """)
  var refused: RefusedSetting?
  @Setting(
    """
    The program that says what the partner's answer means: `done`, `retry`, `dead` or `hold` (a reply transform). It \
    runs for every answer, also for one that refuses; what it emits to other destinations goes out with its decision. \
    `retry` has the tries of `refused: {retry: 10}`, or of AE. Without it AA and CA end the delivery, and others go by \
    `refused:`.
    """, example: "../Transforms/ack-check.hilt")
  var reply: TransformSetting?
  @Setting(
    """
    `yes`: what goes there is a question (a query, a lookup). It is asked once, within its time, several at once and \
    without an order; its `reply:` program says what follows. Where that says `answer`, the sender waits for it: the \
    channel answers queries, and a question that is not answered is refused (AE) for the sender to ask again. Without \
    `answer` the sender is answered as always, and a question that is not answered is dead: `hilum dead retry` asks \
    again. No question is asked again by itself, after a restart either.
    """, default: .no, example: "{within: 5s, in-flight: 16}")
  var ask: AskSetting

  @Setting(
    """
    Gathers messages, durably, into one for another channel: `{by: "{PID-3[1].1}", until: {idle: 30s, count: 500, at: \
    "23:00"}}`, beside `channel: {name: other}`. What is gathered waits in this lane as any delivery does; when its \
    group is closed, all of it ends and the one message arrives in the other channel in one transaction. `delimited`: \
    the lines of all, with one header where the transform that makes them, or the other channel's, says `header yes`. \
    `text`: one behind the other, each in lines of its own. `hl7v2`: a batch (BHS … BTS), which the other channel \
    takes as `format: text` or `bytes`. A group is closed before it would be larger than the other channel's `limits: \
    {message}`.
    """)
  var collect: CollectSettings?

  init() {}

  static func checkRanges(_ reader: SettingReader, _ node: SettingNode) {
    AskSetting.checkNeighbours(reader, node)
    reader.range("window", in: 1...1024, "from 1 to 1024", node)
    if let order = node["order"], order.scalar != "strict", let window = node["window"], window.scalar != "1" {
      reader.problem(
        "C106", "`window` goes with `order: strict`", at: window.place,
        help: ["how many are under way at once says `in-flight`: {by: […], in-flight: 8}"])
    }
    reader.range("unconfirmed", in: 1...1024, "from 1 to 1024", node)
  }
}

/// `retry:`
struct RetrySettings: Settings {
  enum Jitter: String, SettingChoice { case full, none }

  @Setting("The wait before the first retry.", default: .seconds(1)) var first: Duration
  @Setting("What each wait is multiplied with.", default: FactorSetting(2)) var factor: FactorSetting
  @Setting("The longest wait.", default: .seconds(300)) var longest: Duration
  @Setting(
    "`full` draws each wait from between nothing and its length, so that many lanes don't come back at one instant.",
    default: .full)
  var jitter: Jitter
  @Setting(
    "How long to go on; after that the delivery is dead. A message that takes the connection with it three times "
      + "after it was sent counts as refused once, but only one message dies of that in an outage.", default: .unlimited
  )
  var `for`: PatienceSetting

  init() {}

  func check(_ reader: SettingReader, _ node: SettingNode) {
    if first < .milliseconds(10) {
      reader.problem("C131", "`first` is 10ms or more", at: node["first"]?.place ?? node.place)
    }
    if longest < first {
      reader.problem(
        "C106", "`longest` is shorter than `first`", at: (node["longest"] ?? node["first"] ?? node).place,
        help: ["`first` is \(first.text), `longest` is \(longest.text)"])
    }
  }
}

/// A number from 1, with a fraction where wanted: `2`, `1.5`.
struct FactorSetting: SettingValue {
  let factor: Double
  init(_ factor: Double) { self.factor = factor }

  static func read(_ node: SettingNode, _ reader: SettingReader) -> FactorSetting? {
    guard let text = node.scalar, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }),
      let factor = Double(text), (1...100).contains(factor)
    else {
      reader.expected("a number from 1 to 100", node, help: ["2", "1.5"])
      return nil
    }
    return FactorSetting(factor)
  }

  static var kind: SettingKind { .scalar("number") }
  var text: String { factor == factor.rounded() ? String(Int(factor)) : String(factor) }
}

/// A duration, or `unlimited`.
enum PatienceSetting: SettingValue {
  case unlimited
  case limit(Duration)

  static func read(_ node: SettingNode, _ reader: SettingReader) -> PatienceSetting? {
    if node.scalar == "unlimited" { return .unlimited }
    if let text = node.scalar, let near = nearest(to: text, among: ["unlimited"]) {
      reader.problem(
        "C104", "`\(text)` is not one of the words that may stand here", at: node.place,
        label: "did you mean `\(near)`?",
        help: ["unlimited, or a duration: 30m, 72h"])
      return nil
    }
    return Duration.read(node, reader).map { .limit($0) }
  }

  static var kind: SettingKind { .either([Duration.kind, .choice(["unlimited"])]) }
  var text: String {
    switch self {
    case .unlimited: "unlimited"
    case .limit(let duration): duration.text
    }
  }

  var duration: Duration? { if case .limit(let duration) = self { duration } else { nil } }
}

/// `refused: {AE: 3, AR: 0, then: dead}`
struct RefusedSetting: SettingValue {
  /// Tries again by code.
  var tries: [String: Int]
  var then = ThenSetting.dead

  /// HL7 table 0008: AE and AR of the original mode, CE and CR of the enhanced.
  private static let codes = ["AE", "AR", "CE", "CR"]

  static func read(_ node: SettingNode, _ reader: SettingReader) -> RefusedSetting? {
    guard case .map(let entries) = node.kind else {
      reader.expected("a block of codes", node, help: ["{AE: 3, AR: 0, then: dead}"])
      return nil
    }
    var tries: [String: Int] = [:]
    var then = ThenSetting.dead
    for entry in entries {
      if entry.key == "then" {
        then = ThenSetting.read(entry.value, reader) ?? then
      } else if isCode(entry.key) {
        guard let count = Int.read(entry.value, reader) else { continue }
        if count > 1000 { reader.problem("C131", "a message is tried again 1000 times at most", at: entry.value.place) }
        tries[entry.key] = count
      } else {
        reader.unknown(entry, known: codes + ["then"])
      }
    }
    return RefusedSetting(tries: tries, then: then)
  }

  /// A code of an acknowledgement, a status of HTTP or of DICOM, or a word of a connector's own such as `exists`.
  private static func isCode(_ key: String) -> Bool {
    if codes.contains(key) { return true }
    if key.utf8.allSatisfy({ (0x30...0x39).contains($0) }), key.utf8.count == 3 { return true }
    // A status of DICOM: `A700`, `0110`.
    let isHexadecimal = key.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x46).contains($0) }
    if isHexadecimal { return key.utf8.count == 4 }
    let isWord = key.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-") }
    return isWord && nearest(to: key, among: codes + ["then"]) == nil
  }

  static var kind: SettingKind { .scalar("`{AE: 3, AR: 0, then: dead}`") }
  var text: String { "" }
}
