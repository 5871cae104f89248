package import ConnectorKit
package import Messages

/// The connectors that a channel file can name. Which there are, the program decides that puts the engine together.
package struct ConnectorRegistry: Sendable {
  package let sources: [any SourceConnector.Type]
  package let destinations: [any DestinationConnector.Type]

  package init(sources: [any SourceConnector.Type], destinations: [any DestinationConnector.Type]) {
    self.sources = sources
    self.destinations = destinations
  }

  var sourceNames: [String] { sources.map { $0.name } }
  var destinationNames: [String] { destinations.map { $0.name } }

  func source(named name: String) -> (any SourceConnector.Type)? { sources.first { $0.name == name } }
  func destination(named name: String) -> (any DestinationConnector.Type)? { destinations.first { $0.name == name } }
}

extension SourceConnector {
  /// The settings, checked, and how to make the connector from them; `nil` where they have a problem.
  static func definition(_ node: SettingNode, _ reader: SettingReader) -> SourceDefinition? {
    guard let options = Options.read(node, reader) else { return nil }
    var source = SourceDefinition(connector: name, options: options, listens: ListeningAddress(node, Options.kind)) {
      try Self(options, context: $0)
    }
    source.fetches = goesOut(node, of: name, Options.kind)
    return source
  }
}

extension DestinationConnector {
  /// The settings, checked, and how to make the connector from them; `nil` where they have a problem.
  static func definition(_ node: SettingNode, _ reader: SettingReader) -> ConnectorDefinition? {
    guard let options = Options.read(node, reader) else { return nil }
    var destination = ConnectorDefinition(
      connector: name, options: options, answers: answers,
      listens: ListeningAddress(under: "listen", node, Options.kind)
    ) {
      try Self(options, context: $0)
    }
    destination.partner = partnerAddress(node, of: name)
    return destination
  }
}

extension DestinationDefinition {
  /// The channel that its partner's application acknowledgements come to; `nil` where they come on its own connection.
  package var answersFrom: ChannelName? { (connector.options as? any LaterAnswerSettings)?.answersFrom?.name }
}

/// A connector of a destination with its settings.
package struct ConnectorDefinition: Sendable {
  /// The key that chose it: `mllp`.
  package let connector: String
  package let options: any Settings
  /// What was written for the destination, but for what is fixed at acceptance (`when`, `transform`): where two are
  /// alike, nothing has to change for the lane.
  package var written = ""
  /// Where it sends to, for people: `mllp ehr.hospital.example:6661`, `file out/adt`.
  package var partner = ""
  /// The format of its partners' answers, where a program can read them.
  package let answers: Format?
  /// Where it listens, for connectors that have `listen: {port: …}`.
  let listens: ListeningAddress?
  /// Makes the connector; it opens nothing. Throws what the connector throws, `SettingError` above all.
  package let make: @Sendable (ConnectorContext) throws -> any DestinationConnector

  init(
    connector: String, options: any Settings, answers: Format?, listens: ListeningAddress? = nil,
    make: @escaping @Sendable (ConnectorContext) throws -> any DestinationConnector
  ) {
    self.connector = connector
    self.options = options
    self.answers = answers
    self.listens = listens
    self.make = make
  }
}

/// The connector of a source with its settings.
package struct SourceDefinition: Sendable {
  /// The key that chose it: `mllp`.
  package let connector: String
  package let options: any Settings
  /// It takes what lies somewhere, as a folder's files; others are sent to.
  package var fetches = false
  /// When it looks; `nil` for all the time.
  package var schedule: Schedule?
  /// Where it listens, for connectors that have a `port`.
  let listens: ListeningAddress?
  /// What was written for the connector, and in the `hl7:` block beside it: where two are alike, nothing has to change
  /// for the source.
  package var written = ""
  package var writtenHL7 = ""
  /// Makes the connector; it opens nothing. Throws what the connector throws, `SettingError` above all.
  package let make: @Sendable (ConnectorContext) throws -> any SourceConnector

  init(
    connector: String, options: any Settings, listens: ListeningAddress?,
    make: @escaping @Sendable (ConnectorContext) throws -> any SourceConnector
  ) {
    self.connector = connector
    self.options = options
    self.listens = listens
    self.make = make
  }
}

/// The address that a connector listens on, taken from the settings that all connectors name alike: `host` and `port`.
struct ListeningAddress: Sendable {
  let host: String
  let port: Int
  let place: Place

  /// `nil` where the settings have no port, and where the system chooses one (0).
  init?(_ node: SettingNode, _ kind: SettingKind) {
    guard case .group(let entries) = kind, let declared = entries.first(where: { $0.key == "port" }),
      let text = node["port"]?.scalar ?? declared.standard, let port = UInt16(text), port > 0
    else { return nil }
    self.port = Int(port)
    place = (node["port"] ?? node).place
    self.host = node["host"]?.scalar ?? entries.first { $0.key == "host" }?.standard ?? "0.0.0.0"
  }

  /// The same of a block under a key.
  init?(under key: String, _ node: SettingNode, _ kind: SettingKind) {
    guard case .group(let entries) = kind, let block = node[key], let entry = entries.first(where: { $0.key == key })
    else { return nil }
    self.init(block, entry.kind)
  }

  /// Whether both can't be had at once on one machine.
  func collides(with other: ListeningAddress) -> Bool {
    port == other.port && (host == other.host || Self.isEvery(host) || Self.isEvery(other.host))
  }

  private static func isEvery(_ host: String) -> Bool { ["0.0.0.0", "::", "*", ""].contains(host) }
}
