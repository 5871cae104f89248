package import ConnectorKit
package import Messages
import Text

/// The engine's own file, `hilum.yaml`: where things are and what holds for all channels. All of it is optional.
package struct EngineSettings: Sendable {
  /// The name of this installation.
  package var site: String
  /// The folder of the store, absolute.
  package var data: String
  /// The folder of the channel files, absolute.
  package var channels: String
  /// The zone in which people are shown times, by its name in the time zone database; `nil` for the machine's own.
  package var zone: String?
  package var logLevel: LogLevel
  /// What a channel keeps that doesn't say.
  package var keep: Keep
  /// What limits a channel that doesn't say.
  package var limits: ChannelLimits
  /// Where the master key is, that the keys of stored content are wrapped with; `nil` makes one in the data folder.
  package var masterKey: Secret?
  /// When people are told of a channel that doesn't say.
  package var alerts: AlertRules
  /// Where alerts are posted; `nil` for nowhere.
  package var webhook: WebhookRule?
  /// To whom they are mailed; `nil` for nobody.
  package var email: EmailRule?
  /// To which channel they are handed; `nil` for none.
  package var alertChannel: AlertChannel?

  package enum LogLevel: String, SettingChoice { case trace, debug, info, notice, warning, error, critical }

  /// What came of reading the file.
  package struct Outcome: Sendable {
    /// `nil` where the file has an error: nothing is started with half of what was meant.
    package var settings: EngineSettings?
    package var problems: [Problem]
    /// The text of the file, for showing problems; what may be a secret is made unreadable.
    package var source: String
  }

  /// What holds where no file says anything, in a folder given as an absolute path.
  package static func standard(in folder: String) -> EngineSettings {
    EngineSettings(EngineFile(), folder: folder)
  }

  /// Reads the file at a path; paths in it are relative to its folder.
  package static func load(
    _ path: String, files: any DefinitionFiles = DiskFiles(),
    environment: @escaping @Sendable (String) -> String? = { _ in nil }
  ) -> Outcome {
    let bytes: [UInt8]
    do {
      bytes = try files.read(path, bytesMax: YAMLReader.fileBytesMax + 1)
    } catch {
      let code = if case .tooLarge = error { "C115" } else { "C123" }
      let problem = Problem(code, "the file \(path) \(error)", at: Place(file: path, line: 1, column: 1))
      return Outcome(settings: nil, problems: [problem], source: "")
    }
    let yaml = YAMLReader.read(bytes, file: path, environment: environment)
    let folder = RelativePath.folder(of: files.absolute(path))
    // A file with nothing in it says nothing, and that is allowed.
    if yaml.problems.map(\.code) == ["C119"] {
      return Outcome(settings: standard(in: folder), problems: [], source: yaml.source.text)
    }
    let reader = SettingReader(folder: folder)
    yaml.node?["limits"].map { LimitSettings.checkRanges(reader, $0) }
    yaml.node?["alerts"].map { AlertSettings.checkRanges(reader, $0) }
    let file = yaml.node.flatMap { node in
      EngineFile.read(NotYet.refuse(NotYet.engine, in: node, declared: EngineFile.keys, reader), reader)
    }
    let problems = (yaml.problems + reader.problems).sorted { ($0.place, $0.code) < ($1.place, $1.code) }
    let isGood = !problems.contains { $0.severity == .error }
    return Outcome(
      settings: isGood ? file.map { EngineSettings($0, folder: folder) } : nil, problems: problems,
      source: yaml.source.hiding(reader.problems.filter { $0.code == "C105" }.map(\.place)))
  }

  private init(_ file: EngineFile, folder: String) {
    site = file.site
    data = file.data?.path ?? RelativePath.joined(folder, "data")
    channels = file.channels?.path ?? RelativePath.joined(folder, "Channels")
    data = RelativePath.normalized(data)
    channels = RelativePath.normalized(channels)
    zone = file.zone?.name
    logLevel = file.log?.level ?? .info
    keep = Keep().overlaid(with: file.keep)
    limits = ChannelLimits().overlaid(with: file.limits)
    masterKey = file.encryption?.key
    alerts = AlertRules().overlaid(with: file.alerts)
    webhook = file.notify?.webhook?.rule
    email = file.notify?.email?.rule
    alertChannel = file.notify?.channel
  }
}

/// The keys of `hilum.yaml`.
struct EngineFile: Settings {
  @Setting("The name of this installation.", default: "hilum")
  var site: String
  @Setting(
    "The folder of the store. It is made where it isn't there. `data` beside this file unless said.",
    example: "/var/lib/hilum")
  var data: FilePath?
  @Setting("The folder of the channel files. `Channels` beside this file unless said.", example: "Channels")
  var channels: FilePath?
  @Setting("The zone in which people are shown times; the machine's own unless said.", example: "Europe/London")
  var zone: ZoneSetting?
  @Setting("What is written to the log.")
  var log: LogSettings?
  @Setting("How long content is kept where a channel does not say.")
  var keep: KeepSettings?
  @Setting("What one message may cost and how much may wait, where a channel does not say.")
  var limits: LimitSettings?
  @Setting("How stored content is sealed.")
  var encryption: EncryptionSettings?
  @Setting("When people are told that something is wrong with a channel, where the channel does not say.")
  var alerts: AlertSettings?
  @Setting("Where alerts go beside the log and `hilum status`.")
  var notify: NotifySettings?

  init() {}
}

/// `log:`
struct LogSettings: Settings {
  @Setting("The least severe lines that are written.", default: .info) var level: EngineSettings.LogLevel
  init() {}
}

/// `encryption:`
struct EncryptionSettings: Settings {
  @Setting(
    """
    The master key: 32 bytes, as they are or in base64. Without it one is made in the data folder, and the start says \
    so.
    """, example: "{file: /run/secrets/hilum.key}")
  var key: Secret
  init() {}
}

/// A name of the time zone database: `Europe/London`, `UTC`.
struct ZoneSetting: SettingValue {
  let name: String

  static func read(_ node: SettingNode, _ reader: SettingReader) -> ZoneSetting? {
    guard let name = node.scalar else {
      reader.expected("a time zone", node, help: ["its name in the time zone database: Europe/London, UTC"])
      return nil
    }
    do throws(TimeZoneRules.Failure) {
      return ZoneSetting(name: try TimeZoneRules(named: name).name)
    } catch .noDatabase {
      reader.problem(
        "C103", "this machine has no time zone database", at: node.place, help: ["install Debian's package tzdata"])
    } catch {
      reader.problem(
        "C103", "`\(name)` is no time zone that is known here", at: node.place,
        label: nearest(to: name, among: TimeZoneRules.names).map { "did you mean `\($0)`?" },
        help: ["its name in the time zone database: Europe/London, UTC"])
    }
    return nil
  }

  static var kind: SettingKind { .scalar("time zone") }
  var text: String { name }
}
