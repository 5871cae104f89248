import ConnectorKit
import Messages
import Text

/// A template: a channel whose name and some of whose values are left open.
struct ChannelTemplate: Sendable {
  let path: String
  let bytes: [UInt8]
  let source: SourceText
  /// What it says of a channel; `nil` where it can't be read.
  let node: SettingNode?
  let parameters: [ParameterDeclaration]
  /// Of the file itself, whoever uses it.
  let problems: [Problem]
  /// Variables that its defaults were made of.
  let variables: [String: String]
  private let deferred: Set<Place>

  /// A file is a template because it has this key.
  static let key = "parameters"
  /// What only the file of a channel can say.
  private static let foreign = [
    "channel": "each channel that is made from it has a name of its own: `channel: NAME` in its file, or the column "
      + "`channel` of its instances",
    "template": "a template is made from no other: write out what both have",
    "with": "values are given where the template is used",
    "instances": "instances are named where the template is used",
  ]

  /// - Parameter folder: of the file, as an absolute path.
  init(path: String, bytes: [UInt8], folder: String, variables: Variables) {
    self.path = path
    self.bytes = bytes
    let yaml = YAMLReader.read(bytes, file: path, variables, defersVariables: true)
    source = yaml.source
    deferred = yaml.deferred
    let reader = SettingReader(folder: folder)
    var problems = yaml.problems
    var variables = variables
    var found: [ParameterDeclaration] = []
    var rest = yaml.node
    if let root = yaml.node {
      if case .map(let entries) = root.kind {
        for entry in entries {
          guard let instead = Self.foreign[entry.key] else { continue }
          reader.problem("C160", "`\(entry.key)` can't stand in a template", at: entry.keyPlace, help: [instead])
        }
        if let declared = root[Self.key] {
          variables.parameters = [:]
          let filling = TemplateFilling(
            source: source, deferred: deferred, values: [:], optional: [], variables: variables)
          let filled = filling.fill(declared)
          variables = filling.variables
          problems += filling.problems
          if let filled { found = ParameterDeclaration.read(filled, reader) }
        } else {
          reader.problem(
            "C160", "a template says what is left open in it", at: root.place,
            help: ["parameters: {port: {type: port}}", "parameters: {} where nothing is"])
        }
        rest = root.without(Set(Self.foreign.keys).union([Self.key]))
      } else {
        reader.expected("a template", root, help: ["`parameters:`, and below it what a channel file has"])
        rest = nil
      }
    }
    node = rest
    parameters = found
    self.problems = problems + reader.problems
    self.variables = variables.used
  }

  /// Puts values in the place of the parameters.
  func filling(_ values: [String: TemplateFilling.Given], _ variables: Variables) -> TemplateFilling {
    var variables = variables
    let folder = RelativePath.folder(of: path)
    variables.parameters = values.mapValues { $0.text(in: folder) }
    let optional = Set(parameters.map(\.name)).subtracting(values.keys)
    for name in optional { variables.parameters?[name] = "" }
    return TemplateFilling(
      source: source, deferred: deferred, values: values, optional: optional, variables: variables)
  }

  /// What its parameters are where nothing is given: defaults, and for the others something of their type.
  func sample() -> [String: TemplateFilling.Given] {
    let name = TemplateFilling.Given(text: "x", place: nil, type: .text)
    var values = [ParameterDeclaration.channel: name]
    for parameter in parameters { values[parameter.name] = standard(parameter) }
    return values
  }

  /// The default of a parameter, or something of its type.
  func standard(_ parameter: ParameterDeclaration) -> TemplateFilling.Given {
    TemplateFilling.Given(
      text: parameter.standard?.scalar ?? parameter.type.placeholder, place: parameter.standard?.place,
      type: parameter.type)
  }
}

/// Makes the settings of one channel from a template's.
///
/// Values are put into the texts of settings that were read already: whatever stands in a value, it is never read as
/// YAML.
final class TemplateFilling {
  /// A value that stands for a parameter.
  struct Given: Sendable {
    var text: String
    /// Where it was given; `nil` for one that only keeps the place of what is missing.
    var place: Place?
    var type: ParameterType

    /// The value as part of a longer text of a file in another folder.
    func text(in folder: String) -> String {
      guard type == .path, let place, !text.hasPrefix("/") else { return text }
      return RelativePath.relative(RelativePath.joined(RelativePath.folder(of: place.file), text), to: folder)
    }

    /// It could end the text or the expression of Hilt in whose middle it is put.
    var endsHilt: Bool {
      text.unicodeScalars.contains { "\"\\{}".unicodeScalars.contains($0) || Character($0).isNewline }
    }
  }

  private let source: SourceText
  private let deferred: Set<Place>
  private let values: [String: Given]
  private let optional: Set<String>
  private(set) var variables: Variables
  private(set) var problems: [Problem] = []
  /// Where settings stand whose value isn't known: what is wrong with them is no news.
  private(set) var holes: Set<Place> = []
  /// Where the template uses a value, by the place where the value was given.
  private(set) var uses: [Place: [Place]] = [:]
  /// Settings with a parameter in the midst of them whose value could change what Hilt around it means.
  private(set) var unsafe: [Place: (name: String, given: Place)] = [:]

  init(
    source: SourceText, deferred: Set<Place>, values: [String: Given], optional: Set<String>, variables: Variables
  ) {
    self.source = source
    self.deferred = deferred
    self.values = values
    self.optional = optional
    self.variables = variables
  }

  /// The settings with the values in their places; `nil` for one that is left out with its parameter.
  func fill(_ node: SettingNode) -> SettingNode? {
    switch node.kind {
    case .scalar(let text): return deferred.contains(node.place) ? fill(text, at: node.place) : node
    case .list(let nodes): return SettingNode(.list(nodes.compactMap(fill)), at: node.place)
    case .map(let entries):
      let filled = entries.compactMap { entry in
        fill(entry.value).map { SettingNode.Entry(key: entry.key, keyPlace: entry.keyPlace, value: $0) }
      }
      return SettingNode(.map(filled), at: node.place)
    }
  }

  private func fill(_ text: String, at place: Place) -> SettingNode? {
    if text.hasPrefix("${"), text.hasSuffix("}") {
      let name = String(text.dropFirst(2).dropLast())
      if optional.contains(name) { return nil }
      if let given = values[name] {
        // A whole value belongs to who gave it, and what is wrong with it is shown there.
        if given.place == nil { holes.insert(place) }
        if let from = given.place { uses[from, default: []].append(place) }
        return SettingNode(.scalar(given.text), at: given.place ?? place)
      }
    }
    let before = variables.parametersUsed.count
    let problemCount = problems.count
    let filled = variables.resolve(text, at: place, in: source, problems: &problems)
    if problems.count > problemCount { holes.insert(place) }
    for name in variables.parametersUsed[before...] {
      guard let given = values[name] else { continue }
      if given.place == nil { holes.insert(place) }
      if given.endsHilt, let from = given.place { unsafe[place] = (name, from) }
    }
    return SettingNode(.scalar(filled), at: place)
  }
}
