import ConnectorKit

/// The JSON schemas of the files that people write, made from the declarations of their settings: with them an editor
/// completes keys, shows what they mean and marks what is misspelt, before `hilum check` says what else is wrong.
package enum ChannelSchema {
  /// A channel file, or a template.
  package static func channel(_ registry: ConnectorRegistry) -> String {
    let beside: [String: JSONSchema] = [
      "source": source(registry), "destinations": destinations(registry),
      "parameters": SettingKind.dictionary(.either([ParameterType.kind, ParameterSettings.kind])).schema
        .with(["description": .text("What may be given to this template: `${name}` in its values.")]),
    ]
    let entries = entries(ChannelSettings.kind).filter { beside[$0.key] == nil }
    let ways = [["channel", "source", "destinations"], ["template"], ["parameters"]]
    let schema = SettingKind.group(entries, also: beside).with([
      "anyOf": .list(ways.map { .object(["required": .words($0)]) })
    ])
    return document("A channel of Hilum", schema)
  }

  /// The engine's own file, `hilum.yaml`.
  package static func settings() -> String { document("The settings of Hilum", EngineFile.kind.schema) }

  /// `environments/NAME.yaml`.
  package static func environment() -> String {
    document("An environment of Hilum", EnvironmentSettings.kind.schema)
  }

  private static func document(_ title: String, _ schema: JSONSchema) -> String {
    schema.with(["$schema": .text("http://json-schema.org/draft-07/schema#"), "title": .text(title)]).printed
  }

  private static func entries(_ kind: SettingKind) -> [SettingEntry] {
    if case .group(let entries) = kind { entries } else { [] }
  }

  private static func source(_ registry: ConnectorRegistry) -> JSONSchema {
    var keys: [String: JSONSchema] = [
      "hl7": HL7Settings.kind.schema.with(["description": .text("How HL7 v2 is read.")]),
      "prepare": TransformSetting.kind.schema
        .with(["description": .text("A program that mends what no parser can read, before all else.")]),
    ]
    for type in registry.sources { keys[type.name] = connector(type.about, entries(type.settings)) }
    return SettingKind.group(entries(SplitSettings.kind) + entries(ScheduleBeside.kind), also: keys).with([
      "description": .text("Where messages come from: one connector, and how what it brings is read.")
    ])
  }

  private static func destinations(_ registry: ConnectorRegistry) -> JSONSchema {
    var keys: [String: JSONSchema] = [:]
    for type in registry.destinations { keys[type.name] = connector(type.about, entries(type.settings)) }
    return .object([
      "type": .text("object"),
      "additionalProperties": SettingKind.group(entries(DestinationSettings.kind), also: keys),
      "description": .text("Where messages go: a name for each, and under it one connector and how it is used."),
    ])
  }

  private static func connector(_ about: String, _ entries: [SettingEntry]) -> JSONSchema {
    SettingKind.group(entries).with(["description": .text(about)])
  }
}

extension Connector {
  fileprivate static var settings: SettingKind { Options.kind }
}
