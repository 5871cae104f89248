import Admin
import ArgumentParser
import ConnectorKit
import Definitions
import Dispatch
import Engine
import Foundation
import Glibc
import Logging
import Messages
import Store
import Text

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Runs the engine until it is told to stop (SIGTERM, SIGINT).",
    discussion: """
      Without any settings it works on ./Channels with data in ./data; a folder that has neither is refused. A channel
      whose file has an error is left out and shown in `hilum status`; the others work. The first signal drains: what is
      under way is answered; a second ends at once. --env puts the channels into an environment; an engine whose data
      comes from another does not start, because what waits would go to the partners of this one.

      Example:
        hilum run
        hilum run --settings /etc/hilum/hilum.yaml --data /var/lib/hilum --env prod
      """)
  @Option(help: "The engine's own settings.") var settings = "hilum.yaml"
  @Option(help: "The folder of channel files.") var channels: String?
  @Option(help: "The data folder.") var data: String?
  @Flag(help: "Writes no log to standard error.") var quiet = false
  @OptionGroup var environment: EnvironmentOption
  @Flag(help: "Starts though the data was last used in another environment.") var changeEnv = false

  func run() async throws {
    let began = ContinuousClock.now
    prepareProcess()
    try mustBeProject()
    var site = try Site.settings(settings)
    if let data { site.data = URL(fileURLWithPath: data).path }
    let folder = Site.shown(channels ?? site.channels)
    let loaded = Site.loader(site, environment: environment.name).load(folder: folder)
    if !loaded.problems.isEmpty { Terminal.error(loaded.rendered()) }
    // Without it every channel would work with what is meant for nowhere.
    if loaded.hasBrokenEnvironment { throw Failure("The environment can't be read: nothing was started.") }
    mkdir(site.data, 0o700)
    let remembered = RememberedEnvironment(site.data)
    try remembered.check(environment.name, mayChange: changeEnv)

    let key = try MasterKey(site)
    let store = try open(site, key)
    let file = LogFile(path: site.data + "/hilum.log", alsoErrors: !quiet)
    let level = Logger.Level(rawValue: site.logLevel.rawValue) ?? .info
    let time = LocalTime(zone: site.zone)
    let log = Logger(label: "hilum") { _ in LineLog(file, level: level) { time.text(Terminal.nowMilliseconds) } }
    log.info(
      "Hilum \(Hilum.versionNumber) starts.",
      metadata: [
        "data": "\(site.data)", "channels": "\(channels ?? site.channels)", "process": "\(getpid())",
        "environment": "\(environment.name ?? "none")",
      ])
    if key.isInDataFolder {
      log.notice(
        "The key of the data lies beside the data; in production keep it elsewhere (encryption.key in hilum.yaml).")
    }
    if let hold = store.outgoingHold {
      log.warning(
        "Nothing is sent: it waits for a person. hilum release shows what would go where.",
        metadata: ["reason": "\(hold.reason)"])
    }
    let alertChannel = site.alertChannel.map { ChannelTarget(ChannelName($0.name)) }
    let targets: [(any AlertTarget)?] = [
      site.webhook.map { WebhookTarget($0) }, site.email.map { EmailTarget($0, log: log) }, alertChannel,
    ]
    let watch = AlertWatch(
      folder: site.data, site: site.site, targets: targets.compactMap(\.self), log: log, offset: time.offsetSeconds)
    let engine = Engine(
      site: site.site, store: store, strikes: Strikes(try strikeBoard(site)), waitingBytesMax: diskShare(site.data),
      zone: try? TimeZoneRules(named: site.zone ?? TimeZone.current.identifier),
      files: ChannelFiles(
        Site.loader(site, environment: environment.name, looksAround: true), folder: folder,
        remember: { try remembered.write($0) }),
      watch: watch, log: log)
    alertChannel?.use(engine)
    try remembered.write(environment.name)
    let broken = loaded.files.filter { $0.definition == nil }.map { file in
      let first = file.problems.first { $0.severity == .error }
      return BrokenChannel(
        name: file.name?.text ?? file.path,
        reason: first.map { "\($0.place): \($0.message)" } ?? "its file has an error")
    }
    await engine.start(loaded.definitions, broken: broken)
    let hangUps = deployAtHangUp(engine)
    let server = await serve(engine, site.data, time, file)
    if store.outgoingHold != nil { Terminal.line("nothing is sent before hilum release") }
    let took = ContinuousClock.now - began
    log.info("\(readiness(engine, loaded))", metadata: ["ms": "\(took.milliseconds)"])
    Terminal.line("hilum is ready: \(engine.channels.count) of \(loaded.files.count) channels, \(took.milliseconds) ms")

    let end = await untilTold(store)
    log.notice("Stopping.", metadata: ["reason": "\(end.reason)"])
    hangUps.cancel()
    await engine.stop()
    server.cancel()
    _ = try? await server.value
    log.notice("Stopped.")
    if !end.isOrderly { throw ExitCode(1) }
  }

  /// `Ready: 2 of 3 channels, listening on 127.0.0.1:2575, /srv/in.`
  private func readiness(_ engine: Engine, _ loaded: LoadedChannels) -> String {
    let places = engine.channels.compactMap { $0.status().source.listening }
    let listening = places.isEmpty ? "listening nowhere" : "listening on " + places.joined(separator: ", ")
    return "Ready: \(engine.channels.count) of \(loaded.files.count) channels, \(listening)."
  }

  /// An engine that was started in the wrong folder would make a store there, listen to nobody and look well.
  private func mustBeProject() throws {
    let files = FileManager.default
    if channels != nil || files.fileExists(atPath: settings) || settings != Site.standardFile { return }
    if files.fileExists(atPath: Site.shown(try Site.settings(settings).channels)) { return }
    throw Failure(
      "There is neither hilum.yaml nor a folder Channels in \(files.currentDirectoryPath). `hilum init` makes a "
        + "project here; --settings FILE or --channels FOLDER name one elsewhere.", code: 2)
  }

  /// The control socket: returns when commands can reach it, or never will. Its library tells of every start and stop,
  /// and counts a stop as an error.
  private func serve(
    _ engine: Engine, _ folder: String, _ time: LocalTime, _ file: LogFile
  ) async -> Task<Void, any Error> {
    let log = Logger(label: "control") { _ in
      LineLog(file, level: .critical) { time.text(Terminal.nowMilliseconds) }
    }
    let (listening, news) = AsyncStream.makeStream(of: Void.self)
    let server = Task {
      defer { news.finish() }
      try await ControlServer(engine, folder: folder, time: time, version: Hilum.versionNumber, log: log).run {
        news.finish()
      }
    }
    for await _ in listening {}
    return server
  }

  private func prepareProcess() {
    var limit = rlimit()
    // A connection is a descriptor: take as many as the system gives.
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      limit.rlim_cur = limit.rlim_max
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
    signal(SIGPIPE, SIG_IGN)
    // A hang-up would end the engine; it deploys, once there is something to deploy to.
    signal(SIGHUP, SIG_IGN)
    umask(0o077)
  }

  /// SIGHUP is `hilum deploy`: the outcome is in the log.
  private func deployAtHangUp(_ engine: Engine) -> any DispatchSourceSignal {
    let source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: DispatchQueue(label: "hilum.hang-up"))
    source.setEventHandler { Task { _ = try? await engine.deploy(waiting: nil) } }
    source.resume()
    return source
  }

  private func open(_ site: EngineSettings, _ key: MasterKey) throws -> SQLiteStore {
    var settings = StoreSettings()
    settings.masterKey = key.key
    settings.site = site.site
    do throws(StoreError) {
      return try SQLiteStore.open(site.data, settings: settings)
    } catch {
      throw Failure(error.description)
    }
  }

  private func strikeBoard(_ site: EngineSettings) throws -> StrikeBoard {
    do throws(StoreError) {
      return try StrikeBoard.open(site.data + "/strikes")
    } catch {
      throw Failure(error.description)
    }
  }

  /// What one channel may have waiting where it doesn't say: a fifth of the disk.
  private func diskShare(_ folder: String) -> Int? {
    var facts = statvfs()
    guard statvfs(folder, &facts) == 0 else { return nil }
    return Int(clamping: UInt64(facts.f_blocks) * UInt64(facts.f_frsize) / 5)
  }

  /// Waits for a signal, or for the store to be lost.
  private func untilTold(_ store: SQLiteStore) async -> (reason: String, isOrderly: Bool) {
    let (ends, end) = AsyncStream<(reason: String, isOrderly: Bool)>.makeStream()
    let queue = DispatchQueue(label: "hilum.signals")
    var sources: [any DispatchSourceSignal] = []
    for (number, name) in [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      let count = SignalCount()
      source.setEventHandler {
        if count.next() > 1 { Hilum.end(1) }
        end.yield((name, true))
      }
      source.resume()
      sources.append(source)
    }
    store.observe { condition in
      if case .lost(let reason) = condition { end.yield((reason, false)) }
    }
    if case .lost(let reason) = store.condition { end.yield((reason, false)) }
    for await reason in ends {
      // The sources stay alive: a second signal ends at once.
      for source in sources { Self.kept.append(source) }
      return reason
    }
    return ("the engine ended", false)
  }

  nonisolated(unsafe) private static var kept: [any DispatchSourceSignal] = []
}

/// Counts one signal; touched on one queue only.
private final class SignalCount: @unchecked Sendable {
  private var count = 0
  func next() -> Int {
    count += 1
    return count
  }
}
