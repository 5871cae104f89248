import ConnectorKit
import Messages
import Text

/// Where channels run: the values and settings that are other ones in test than in production.
///
/// `environments/prod.yaml` beside the folder of the channels. Its values come before the variables of the process:
/// what is checked on one machine is what runs on another.
package struct EnvironmentFile: Sendable {
  /// `prod`
  package let name: String
  let path: String
  let source: SourceText
  /// Of the file itself.
  let problems: [Problem]
  let bytes: [UInt8]
  /// By the name of a `${NAME}`.
  let values: [String: String]
  let valuePlaces: [String: Place]
  /// The processing id that its transforms must have.
  let processing: String?
  /// Settings that are other ones here, by channel.
  let overrides: [SettingNode.Entry]

  /// Where environments are kept, beside the folder of the channels.
  static let folder = "environments"

  /// What may not differ between environments: what is tested in one is what runs in the other.
  private static let fixedOfChannel = [
    "channel", "template", "instances", "parameters", "format", "transform", "unexpected", "duplicates", "columns",
    "on-fail",
  ]
  private static let fixedOfSource = ["hl7", "prepare", "split"]
  private static let fixedOfDestination = ["when", "transform", "reply", "order", "ask"]
  private static let why =
    "an environment says where messages come from and go to; what is done with them is the same in all"

  static func path(_ name: String, beside channels: String) -> String {
    RelativePath.joined(channels, "../\(folder)/\(name).yaml")
  }

  /// - Parameter process: gives the variables of the process.
  init(
    name: String, path: String, bytes: [UInt8], folder: String, process: @escaping @Sendable (String) -> String?
  ) {
    self.name = name
    self.path = path
    self.bytes = bytes
    let yaml = YAMLReader.read(bytes, file: path, Variables(environment: process), defersVariables: true)
    source = yaml.source
    // A file with nothing in it says nothing, and that is allowed.
    var problems = yaml.problems.filter { $0.code != "C119" }
    let reader = SettingReader(folder: folder)
    func filled(_ node: SettingNode, _ environment: @escaping @Sendable (String) -> String?) -> SettingNode? {
      let filling = TemplateFilling(
        source: yaml.source, deferred: yaml.deferred, values: [:], optional: [],
        variables: Variables(environment: environment))
      let node = filling.fill(node)
      problems += filling.problems
      return node
    }
    var values: [String: String] = [:]
    var places: [String: Place] = [:]
    if let node = yaml.node?["values"].flatMap({ filled($0, process) }) {
      for entry in Self.values(node, reader) {
        (values[entry.key], places[entry.key]) = (entry.value.scalar ?? "", entry.keyPlace)
      }
    }
    let known = values
    let resolved = yaml.node.flatMap { node in filled(node.without(["values"])) { known[$0] ?? process($0) } }
    let file = resolved.flatMap { EnvironmentSettings.read($0, reader) }
    self.values = values
    valuePlaces = places
    processing = file?.processing
    overrides = Self.overrides(resolved?["channels"], reader)
    self.problems = problems + reader.problems
  }

  private init(
    name: String, path: String, source: SourceText, problems: [Problem], bytes: [UInt8], values: [String: String],
    valuePlaces: [String: Place], processing: String?, overrides: [SettingNode.Entry]
  ) {
    self.name = name
    self.path = path
    self.source = source
    self.problems = problems
    self.bytes = bytes
    self.values = values
    self.valuePlaces = valuePlaces
    self.processing = processing
    self.overrides = overrides
  }

  private static func values(_ node: SettingNode, _ reader: SettingReader) -> [SettingNode.Entry] {
    guard case .map(let entries) = node.kind else {
      reader.expected("a block of values", node, help: ["values: {EHR_HOST: ehr.test.example}"])
      return []
    }
    return entries.filter { entry in
      guard entry.value.scalar != nil else {
        reader.expected("the value of `${\(entry.key)}`, one text", entry.value)
        return false
      }
      guard Variables.isInCapitals(entry.key), entry.key.utf8.first.map({ $0 > 0x39 }) == true else {
        reader.problem(
          "C164", "a value is named in capitals, digits and `_`", at: entry.keyPlace,
          label: "`\(entry.key.uppercased().replacing("-", with: "_"))`?")
        return false
      }
      return true
    }
  }

  private static func overrides(_ node: SettingNode?, _ reader: SettingReader) -> [SettingNode.Entry] {
    guard let node else { return [] }
    guard case .map(let entries) = node.kind else {
      reader.expected(
        "a block for each channel", node, help: ["channels: {adt-to-ehr: {source: {mllp: {port: 12575}}}}"])
      return []
    }
    return entries.filter { entry in
      guard case .map(let keys) = entry.value.kind else {
        reader.expected("what is other in this channel", entry.value, help: ["keys as in its file"])
        return false
      }
      for key in keys where fixedOfChannel.contains(key.key) { fixed(key, reader) }
      if case .map(let keys)? = entry.value["source"]?.kind {
        for key in keys where fixedOfSource.contains(key.key) { fixed(key, reader) }
      }
      if case .map(let destinations)? = entry.value["destinations"]?.kind {
        for destination in destinations {
          guard case .map(let keys) = destination.value.kind else { continue }
          for key in keys where fixedOfDestination.contains(key.key) { fixed(key, reader) }
        }
      }
      return true
    }
  }

  private static func fixed(_ entry: SettingNode.Entry, _ reader: SettingReader) {
    reader.problem(
      "C164", "`\(entry.key)` can't be another in an environment", at: entry.keyPlace,
      help: [why, "${NAME} in the channel, and its value under `values:`"])
  }

  // MARK: For one channel

  /// What is other in a channel.
  func override(of channel: String) -> SettingNode? { overrides.first { $0.key == channel }?.value }

  /// What of an override can be laid over a channel's settings: without what may not differ, and without destinations
  /// that the channel doesn't have, which are reported.
  static func applicable(
    _ override: SettingNode, to channel: String, _ node: SettingNode, _ reader: SettingReader
  ) -> SettingNode {
    let override = withoutFixed(override)
    guard case .map(let entries) = override.kind, let destinations = override["destinations"],
      case .map(let wanted) = destinations.kind, case .map(let present)? = node["destinations"]?.kind
    else { return override }
    let names = present.map(\.key)
    for entry in wanted where !names.contains(entry.key) {
      reader.problem(
        "C164", "the channel `\(channel)` has no destination `\(entry.key)`", at: entry.keyPlace,
        label: nearest(to: entry.key, among: names).map { "did you mean `\($0)`?" },
        help: ["its destinations: " + names.map { "`\($0)`" }.joined(separator: ", ")])
    }
    let known = wanted.filter { names.contains($0.key) }.map { entry in
      SettingNode.Entry(
        key: entry.key, keyPlace: entry.keyPlace, value: entry.value.without(Set(fixedOfDestination)))
    }
    let kept = entries.map { entry in
      guard entry.key == "destinations" else { return entry }
      return SettingNode.Entry(
        key: entry.key, keyPlace: entry.keyPlace, value: SettingNode(.map(known), at: destinations.place))
    }
    return SettingNode(.map(kept), at: override.place)
  }

  private static func withoutFixed(_ override: SettingNode) -> SettingNode {
    let override = override.without(Set(fixedOfChannel).union(["with"]))
    guard case .map(let entries) = override.kind else { return override }
    let kept = entries.map { entry in
      guard entry.key == "source" else { return entry }
      return SettingNode.Entry(
        key: entry.key, keyPlace: entry.keyPlace, value: entry.value.without(Set(fixedOfSource)))
    }
    return SettingNode(.map(kept), at: override.place)
  }

  /// The environment as part of a channel's revision: what it says of this channel alone. `nil` where that is nothing.
  ///
  /// - Parameter used: the values that the channel was made of.
  func alone(_ channel: String, used: Set<String>) -> [UInt8]? {
    var parts: [String] = []
    let names = used.filter { values[$0] != nil }.sorted()
    if !names.isEmpty {
      let lines = names.map { "  \(Self.quoted($0)): \(Self.quoted(values[$0] ?? ""))\n" }
      parts.append("values:\n" + lines.joined())
    }
    if let override = override(of: channel) {
      parts.append("channels:\n  \(Self.quoted(channel)):\n" + Self.written(override, indent: 4))
    }
    return parts.isEmpty ? nil : Array(parts.joined().utf8)
  }

  /// Settings as YAML that is read as the same settings.
  private static func written(_ node: SettingNode, indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    switch node.kind {
    case .scalar(let text): return margin + quoted(text) + "\n"
    case .list(let nodes):
      return nodes.isEmpty ? margin + "[]\n" : nodes.map { "\(margin)-\n" + written($0, indent: indent + 2) }.joined()
    case .map(let entries):
      guard !entries.isEmpty else { return margin + "{}\n" }
      return entries.map { entry in
        if let text = entry.value.scalar { return "\(margin)\(quoted(entry.key)): \(quoted(text))\n" }
        return "\(margin)\(quoted(entry.key)):\n" + written(entry.value, indent: indent + 2)
      }.joined()
    }
  }

  private static func quoted(_ text: String) -> String {
    let isPlain =
      text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
          || "-_./".utf8.contains(byte)
      } && text.utf8.first.map { $0 != UInt8(ascii: "-") } == true
    if isPlain { return text }
    var quoted = "\""
    for scalar in text.replacing("${", with: "$${").unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
        let digits = String(scalar.value, radix: 16)
        quoted += "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

/// The keys of an environment's file.
struct EnvironmentSettings: Settings {
  @Setting("What this environment is.", example: "The test system beside the hospital's own.")
  var about: String?
  @Setting(
    """
    The processing id (HL7 table 0103) of what is sent here: a transform whose `param processing` is another is refused.
    """, example: "P")
  var processing: String?
  @Setting(
    "What `${NAME}` stands for in channel files and templates; it comes before the variables of the process.",
    example: "{EHR_HOST: ehr.hospital.example}")
  var values: [String: String]?
  @Setting(
    """
    Settings that are other ones here: for each channel, by its name, what differs, in the shape of its file. `with:` \
    gives a channel that is made from a template other values.
    """, example: "{adt-to-ehr: {destinations: {ehr: {mllp: {host: ehr-test}}}}}")
  var channels: LaterBlock?

  init() {}
}

extension EnvironmentFile {
  /// One that says nothing.
  static func empty(_ name: String, path: String) -> EnvironmentFile {
    EnvironmentFile(name: name, path: path, bytes: [], folder: "/") { _ in nil }
  }

  /// One that can't be read.
  static func missing(
    _ name: String, path: String, _ error: FileReadingError, known: [String]
  ) -> EnvironmentFile {
    let problem = Problem(
      "C164", "the environment \(path) \(error)", at: Place(file: path, line: 1, column: 1),
      label: nearest(to: name, among: known).map { "did you mean `\($0)`?" },
      help: known.isEmpty
        ? ["environments are files in `environments`, beside the folder of the channels"]
        : ["there are: " + known.joined(separator: ", ")])
    return EnvironmentFile(name: name, path: path, problem: problem)
  }

  private init(name: String, path: String, problem: Problem) {
    self.init(
      name: name, path: path, source: SourceText(file: path, text: ""), problems: [problem], bytes: [], values: [:],
      valuePlaces: [:], processing: nil, overrides: [])
  }
}
