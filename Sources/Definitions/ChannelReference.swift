import ConnectorKit

/// The reference page of channel files and of `hilum.yaml`, made from the declarations of their settings.
package enum ChannelReference {
  /// The page as it stands in `docs/reference/channel-files.md`.
  package static func markdown(_ registry: ConnectorRegistry) -> String {
    var page = Page()
    page.add(
      """
      <!-- Made by `make generate` from the declarations in the code. Do not edit. -->

      # Channel files

      One YAML file in `Channels/` is one channel. Keys are in kebab-case, paths relative to the file that names them,
      and `${NAME}` or `${NAME:-default}` in a value comes from the environment: from its file, else from
      the variables of the process. Durations are written
      `500ms 30s 5m 72h 30d`, sizes `64KiB 10MiB`. A secret is named and never written: `{file: …}` or `{env: …}`.
      `hilum check` reads a file as the engine does and reports every problem at once.

      A key that is not on this page is refused.
      """)
    page.settings("The channel", ChannelSettings.kind, level: 2)
    page.add(
      """
      ## `source:`

      One connector, and for HL7 v2 how it is read.

      `prepare:` beside it names a program (a path, `{file: …, with: {…}}`, or the program itself) that mends what no
      parser can read: a missing CR, a wrong delimiter, a wrong MSH-18. It takes the bytes that came and emits them
      once, mended (`in bytes` and `out bytes`, or both `text`). All that follows, `format`, `hl7:`, the transform,
      `columns` and the key of `duplicates`, reads what it emits, and so does the sender's answer; what goes on
      unchanged is what was mended. The bytes that came are kept, they are what makes a resend the same message, and
      `hilum reprocess` runs `prepare` over them again. It can also `reject`, `drop`, `hold` or `fail`.
      """)
    for type in registry.sources {
      page.connector("source", type.name, type.about, type.settingKind)
    }
    page.settings("What is one message, beside a source's connector", SplitSettings.kind, level: 3)
    page.settings("When a source looks, beside its connector", ScheduleBeside.kind, level: 3)
    page.settings("`hl7:` beside a source's connector", HL7Settings.kind, level: 3)
    page.add(
      """
      ## `destinations:`

      A name for each destination, and under it one connector and how it is used. Each destination is a lane of its own:
      it waits, retries and is paused by itself.
      """)
    page.settings("How a destination is used", DestinationSettings.kind, level: 3)
    page.add(
      """
      `refused:` says for each code of a refusal how often the message is tried again before it is put aside
      (`hilum dead`): AE three times and AR never, unless said. Another code counts as AE where the message may be taken
      later, and as AR where it never will be. A partner that can't be reached refuses nothing: `retry:` holds then.
      But a message that takes the connection with it three times in a row after it was sent counts as refused once, as
      if by AE: it may be this message that the partner can't bear. When one has died of that, losses count for nothing
      until the partner has answered something, be it a refusal: an outage in which every connection is lost costs one
      message, however long it is. A second message that the partner can't bear, right behind the first, therefore holds
      the lane until a person cancels it (`hilum lane cancel`) or `retry.for` ends.
      """)
    for type in registry.destinations {
      page.connector("destination", type.name, type.about, type.settingKind)
    }
    page.add(
      """
      ## Templates

      A file with `parameters:`, best in `Channels/templates/`, is a template: what a channel file has but for
      `channel`, with `${name}` for each parameter in a value. It is checked whether or not a channel is made from it.
      [Many channels](../many-channels.md) shows how it is used.
      """)
    page.settings("A parameter", ParameterSettings.kind, level: 3)
    page.settings(
      "An environment, `environments/NAME.yaml` beside the folder of the channels", EnvironmentSettings.kind, level: 2)
    page.settings("The engine's own file, `hilum.yaml`", EngineFile.kind, level: 2)
    page.notYet(registry)
    return page.text
  }
}

extension Connector {
  fileprivate static var settingKind: SettingKind { Options.kind }
}

/// Markdown as it grows.
private struct Page {
  private(set) var text = ""

  mutating func add(_ paragraphs: String) {
    text += (text.isEmpty ? "" : "\n") + paragraphs + "\n"
  }

  mutating func connector(_ role: String, _ name: String, _ about: String, _ kind: SettingKind) {
    add("### `\(name):` as a \(role)\n\n\(about)")
    if case .group(let entries) = kind, entries.isEmpty {
      add("It has no settings: `\(name): {}`.")
    } else {
      table(kind)
    }
  }

  mutating func settings(_ title: String, _ kind: SettingKind, level: Int) {
    add(String(repeating: "#", count: level) + " " + title)
    table(kind)
  }

  /// One row a setting; what a group holds follows under the group's key.
  private mutating func table(_ kind: SettingKind) {
    var rows = ["| key | what may be written | default | |", "| --- | --- | --- | --- |"]
    rows += Self.rows(kind, under: "")
    add(rows.joined(separator: "\n"))
  }

  private static func rows(_ kind: SettingKind, under prefix: String) -> [String] {
    guard case .group(let entries) = kind else { return [] }
    return entries.flatMap { entry -> [String] in
      let key = prefix + entry.key
      let about = entry.about + (entry.example.map { " Example: `\($0)`." } ?? "")
      let standard = entry.required ? "required" : standard(entry)
      let row = [("`\(key)`"), words(entry.kind), standard, about].map(escaped).joined(separator: " | ")
      return ["| \(row) |"] + groups(entry.kind).flatMap { rows($0, under: key + ".") }
    }
  }

  private static func standard(_ entry: SettingEntry) -> String {
    guard let standard = entry.standard, !standard.isEmpty else { return "" }
    return "`\(standard)`"
  }

  /// The groups that may stand for a setting, whatever else may.
  private static func groups(_ kind: SettingKind) -> [SettingKind] {
    switch kind {
    case .group: [kind]
    case .either(let kinds): kinds.flatMap(groups)
    case .list(let element): groups(element)
    default: []
    }
  }

  private static func words(_ kind: SettingKind) -> String {
    switch kind {
    case .scalar(let name): name
    case .choice(let choices): choices.map { "`\($0)`" }.joined(separator: ", ")
    case .list(let element): "a list: " + words(element)
    case .dictionary(let value): "names, each with: " + words(value)
    case .group: "block"
    case .either(let kinds): kinds.map(words).joined(separator: " or ")
    }
  }

  /// A bar would end the cell, a line break the row.
  private static func escaped(_ cell: String) -> String {
    cell.split(whereSeparator: \.isNewline).joined(separator: " ").replacing("|", with: "\\|")
  }

  mutating func notYet(_ registry: ConnectorRegistry) {
    add(
      """
      ## Not supported yet

      What the design of channel files has and this engine does not act on. `hilum check` refuses it (C122) and says
      what to do instead.
      """)
    let scopes: [(String, [String: String], declared: [String])] = [
      ("the channel", NotYet.channel, ChannelSettings.keys), ("`source:`", NotYet.source, SplitSettings.keys),
      ("a destination", NotYet.destination, DestinationSettings.keys), ("a connector", NotYet.connector, []),
      ("connectors", NotYet.connectors, registry.sourceNames + registry.destinationNames),
      ("`hilum.yaml`", NotYet.engine, EngineFile.keys),
    ]
    var rows = ["| where | key or word | instead |", "| --- | --- | --- |"]
    for (place, keys, declared) in scopes {
      for (key, instead) in keys.sorted(by: { $0.key < $1.key }) where !declared.contains(key) {
        rows.append("| \(place) | `\(key)` | \(instead) |")
      }
    }
    add(rows.joined(separator: "\n"))
  }
}
