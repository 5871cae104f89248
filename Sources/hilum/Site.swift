import Definitions
import Foundation
import Messages

/// The engine's settings and channels, as `hilum.yaml` and the channel files in a folder say.
struct Site {
  let settings: EngineSettings
  let loaded: LoadedChannels

  /// Reads `hilum.yaml` where it is, and the channels it names.
  ///
  /// - Throws: `Failure` where `hilum.yaml` has an error. Problems of channels are in `loaded`.
  init(settingsFile: String = standardFile, channels: String? = nil) throws {
    settings = try Self.settings(settingsFile)
    loaded = Self.loader(settings).load(folder: Self.shown(channels ?? settings.channels))
  }

  /// The file that is read where none is named; it need not be there.
  static let standardFile = "hilum.yaml"

  static func settings(_ file: String) throws -> EngineSettings {
    guard FileManager.default.fileExists(atPath: file) else {
      guard file == standardFile else { throw Failure("There is no settings file \(file).", code: 2) }
      return .standard(in: FileManager.default.currentDirectoryPath)
    }
    let outcome = EngineSettings.load(file, environment: environment)
    guard let settings = outcome.settings else {
      throw Failure(outcome.problems.map { $0.rendered(source: outcome.source) }.joined(separator: "\n"))
    }
    return settings
  }

  /// - Parameter name: the environment that the channels are for.
  static func loader(
    _ settings: EngineSettings, environment name: String? = nil, looksAround: Bool = false,
    files: any DefinitionFiles = DiskFiles()
  ) -> ChannelLoader {
    var loader = ChannelLoader(
      registry: .builtIn, files: files, environment: environment, keep: settings.keep, limits: settings.limits,
      alerts: settings.alerts, zone: settings.zone ?? TimeZone.current.identifier, looksAround: looksAround)
    loader.environmentName = name
    loader.alertChannel = settings.alertChannel
    return loader
  }

  /// A path as a person in this folder would write it.
  static func shown(_ path: String) -> String {
    let here = FileManager.default.currentDirectoryPath + "/"
    return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
  }

  private static let environment: @Sendable (String) -> String? = { ProcessInfo.processInfo.environment[$0] }
}
