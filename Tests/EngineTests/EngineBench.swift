import ConnectorKit
import Definitions
import Foundation
import Logging
import Messages
import Store
import Synchronization
import Testing

@testable import Engine

/// A whole engine on a store of its own. A test plays the source; the partner keeps what it gets and answers nothing.
final class EngineBench: Sendable {
  let folder: String
  let engine: Engine
  let store: SQLiteStore
  let disk = Disk()
  private let channelName: String

  /// - Parameters:
  ///   - lanes: the destinations of its one channel; none for an engine without a channel.
  ///   - beside: what stands beside the source's connector.
  ///   - said: gets what is logged.
  init(
    in folder: String, channel: String, lanes: [String], source: any SourceConnector.Type = PlayedSource.self,
    beside: String = "",
    destination: any DestinationConnector.Type = StubConnector.self, clock: any EngineClock = SystemClock(),
    said: Journal = Journal()
  ) async throws {
    self.folder = folder
    channelName = channel
    let files = folder + "/channels"
    try? FileManager.default.removeItem(atPath: files)
    try FileManager.default.createDirectory(atPath: files, withIntermediateDirectories: true)
    if !lanes.isEmpty {
      let destinations = lanes.map { "  \($0):\n    \(destination.name): {}\n" }.joined()
      let settings = "{\(source.name): {}\(beside.isEmpty ? "" : ", ")\(beside)}"
      try Data("channel: \(channel)\nsource: \(settings)\ndestinations:\n\(destinations)".utf8)
        .write(to: URL(fileURLWithPath: files + "/\(channel).yaml"))
    }
    let registry = ConnectorRegistry(sources: [source], destinations: [destination])
    let loaded = ChannelLoader(registry: registry).load(folder: files)
    var settings = StoreSettings()
    settings.masterKey = StoreSettings.MasterKey(id: "test", bytes: [UInt8](repeating: 7, count: 32))
    settings.freeBytesMin = 0
    settings.ballastBytes = 0
    settings.failure = { [disk] in $0 == .beforeCommit ? disk.commit() : 0 }
    store = try SQLiteStore.open(folder + "/data", settings: settings)
    engine = Engine(
      site: "test", store: store, strikes: Strikes(try StrikeBoard.open(folder + "/strikes")), clock: clock,
      waitingBytesMax: nil, log: Logger(label: "test") { _ in NotedLog(journal: said) })
    await engine.start(loaded.definitions)
  }

  /// Counts commits, and can be full for one.
  final class Disk: Sendable {
    private let state = Mutex((commits: 0, fullAt: 0))
    var commits: Int { state.withLock { $0.commits } }
    /// The commit after `count` more finds no room.
    func isFull(after count: Int) { state.withLock { $0.fullAt = $0.commits + count + 1 } }

    fileprivate func commit() -> Int32 {
      let sqliteFull: Int32 = 13
      return state.withLock { state in
        state.commits += 1
        return state.commits == state.fullAt ? sqliteFull : 0
      }
    }
  }

  static func message(_ number: Int) -> String {
    "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|\(number)|P|2.5\rPID|1||4711\r"
  }

  /// Messages come in at the channel's source, one after the other.
  func arrive(_ numbers: ClosedRange<Int>) async throws {
    let inbox = try #require(PlayedSource.inboxes.withLock { $0[channelName] })
    for number in numbers {
      let receipt = await inbox.accept(Arrival(Payload(.hl7v2, Array(Self.message(number).utf8))))
      guard case .accepted = receipt else { throw OperationError("\(receipt)") }
    }
  }

  static func folder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/hilum-engine-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
  }
}

/// A source whose inbox a test finds under the channel's name.
struct PlayedSource: SourceConnector {
  struct Options: Settings { init() {} }
  static let name = "played"
  static let about = "A test offers what arrives."
  static let format: Format? = .hl7v2
  static let inboxes = Mutex<[String: any Inbox]>([:])
  private let channel: String

  init(_ options: Options, context: ConnectorContext) throws { channel = context.channel.text }
  func run(_ inbox: any Inbox) async throws {
    Self.inboxes.withLock { $0[channel] = inbox }
    let (never, end) = AsyncStream<Void>.makeStream()
    for await _ in never {}
    end.finish()
  }
  func status() -> SourceStatus {
    SourceStatus(listening: Self.inboxes.withLock { $0[channel] } == nil ? nil : "here")
  }
}
