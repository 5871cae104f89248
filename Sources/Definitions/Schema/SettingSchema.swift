import ConnectorKit

extension SettingKind {
  /// What an editor is told of a setting. It takes all that the engine takes: `${NAME}` stands for anything, what is
  /// not written may come from a template, and what a word means beyond its form only `hilum check` can say.
  var schema: JSONSchema {
    switch self {
    case .scalar(let name): Self.scalar(name)
    case .choice(let words): Self.choice(words)
    case .list(let element):
      // A single value stands for a list of one.
      .any(of: [.object(["type": .text("array"), "items": element.schema]), element.schema])
    case .dictionary(let value): .object(["type": .text("object"), "additionalProperties": value.schema])
    case .group(let entries): Self.group(entries)
    case .either(let kinds): .any(of: kinds.map(\.schema))
    }
  }

  /// Of a block with these keys and no others.
  static func group(_ entries: [SettingEntry], also: [String: JSONSchema] = [:]) -> JSONSchema {
    var properties = also
    for entry in entries { properties[entry.key] = entry.schema }
    return .object([
      "type": .text("object"), "properties": .object(properties), "additionalProperties": .flag(false),
    ])
  }

  private static let variable = JSONSchema.object(["type": .text("string"), "pattern": .text("\\$\\{")])

  private static func choice(_ words: [String]) -> JSONSchema {
    var ways: [JSONSchema] = [.object(["enum": .words(words)]), variable]
    // Readers of YAML differ in whether `yes` is a word.
    if words.contains("yes") { ways.append(.types("boolean")) }
    return .any(of: ways)
  }

  /// By the name that a kind of scalar has for people.
  private static func scalar(_ name: String) -> JSONSchema {
    switch name {
    case "duration": form("[0-9]+(ms|s|m|h|d)")
    case "size": form("[0-9]+(B|KiB|MiB|GiB|TiB)")
    case "number", "port": .any(of: [.types("integer"), form("[0-9]+")])
    case "secret":
      .any(of: [
        .object([
          "type": .text("object"), "additionalProperties": .flag(false), "required": .words(["file"]),
          "properties": .object(["file": .types("string")]),
        ]),
        .object([
          "type": .text("object"), "additionalProperties": .flag(false), "required": .words(["env"]),
          "properties": .object(["env": .types("string")]),
        ]),
      ])
    case "block": .types("object")
    case "list of the words that may be given": .types("array")
    // `{file: path, with: {parameter: value}, keys: {name: secret}}`
    case _ where name.hasPrefix("`{"): .types("object")
    // What looks like a number is a text as well.
    default: .types("string", "number", "boolean")
    }
  }

  private static func form(_ pattern: String) -> JSONSchema {
    .object(["type": .text("string"), "pattern": .text("^\(pattern)$|\\$\\{")])
  }
}

extension SettingEntry {
  fileprivate var schema: JSONSchema {
    var about = about
    if let standard, !standard.isEmpty { about += " Default: `\(standard)`." }
    if let example { about += " Example: `\(example)`." }
    return kind.schema.with(["description": .text(about)])
  }
}
