import ConnectorKit
@testable import Definitions
import Messages
import Text

/// Connectors that know their settings and do nothing: what a channel file can be tried with without sockets and
/// folders.
let testRegistry = ConnectorRegistry(
  sources: [TestMLLPSource.self, TestFileSource.self],
  destinations: [TestMLLPDestination.self, TestFileDestination.self, ChannelDestination.self])

struct TestTLSSettings: Settings {
  @Setting("Our certificate.", example: "tls/server.pem") var certificate: FilePath
  @Setting("Its private key.") var key: Secret
  init() {}
}

struct TestMLLPSource: SourceConnector {
  struct Options: AnsweringSettings {
    @Setting("The address to listen on.", default: "127.0.0.1") var host: String
    @Setting("The port to listen on.", example: "2575") var port: Port
    @Setting("TLS.") var tls: TestTLSSettings?
    @Setting("When the sender is answered.", default: .accepted) var acknowledge: Acknowledge
    init() {}
  }
  static let name = "mllp"
  static let about = "Listens for HL7 v2 over MLLP."
  static let format: Format? = .hl7v2
  let options: Options

  init(_ options: Options, context: ConnectorContext) throws {
    if options.host != "127.0.0.1", options.tls == nil {
      throw SettingError("an address that others can reach wants `tls`", setting: "host")
    }
    self.options = options
  }
  func run(_ inbox: any Inbox) async throws {}
}

struct TestFileSource: PollingSource {
  struct Options: Settings {
    @Setting("The folder to look in.", example: "in/drop") var directory: FilePath
    init() {}
  }
  static let name = "file"
  static let about = "Takes files from a folder."
  let place = "in"
  init(_ options: Options, context: ConnectorContext) throws {}
  func poll(_ inbox: any Inbox, patience: Duration) async throws {}
  func run(_ inbox: any Inbox) async throws {}
}

struct TestMLLPDestination: SequentialDestination {
  struct Options: Settings {
    @Setting("The partner's name or address.", example: "ehr.hospital.example") var host: String
    @Setting("The partner's port.", example: "6661") var port: Port
    @Setting("How long to wait for the answer.", default: .seconds(30)) var timeout: Duration
    init() {}
  }
  static let name = "mllp"
  static let about = "Sends HL7 v2 over MLLP."
  static let answers: Format? = .hl7v2
  let options: Options
  init(_ options: Options, context: ConnectorContext) throws { self.options = options }
  func send(_ delivery: Delivery) async throws(DeliveryError) -> Reply { Reply("AA") }
  func ping() async -> PingReport { PingReport(reached: true, lines: []) }
  func close() async {}
}

struct TestFileDestination: SequentialDestination {
  struct Options: Settings {
    @Setting("The folder to write to.", example: "out/adt") var directory: FilePath
    @Setting("The file's name.", example: "{MSH-10}.hl7") var name: Template
    init() {}
  }
  static let name = "file"
  static let about = "Writes each message to a file of its own."
  let options: Options
  init(_ options: Options, context: ConnectorContext) throws { self.options = options }
  func send(_ delivery: Delivery) async throws(DeliveryError) -> Reply { Reply("written") }
  func ping() async -> PingReport { PingReport(reached: true, lines: []) }
  func close() async {}
}

/// Files of a test, by path.
struct MemoryFiles: DefinitionFiles {
  var texts: [String: String] = [:]
  var bytes: [String: [UInt8]] = [:]

  func read(_ path: String, bytesMax: Int) throws(FileReadingError) -> [UInt8] {
    guard let content = bytes[path] ?? texts[path].map({ Array($0.utf8) }) else { throw .missing }
    guard content.count <= bytesMax else { throw .tooLarge(bytesMax: bytesMax) }
    return content
  }

  func names(in folder: String) throws(FileReadingError) -> [String] {
    let names = (Array(texts.keys) + Array(bytes.keys)).filter { RelativePath.folder(of: $0) == folder }
    guard !names.isEmpty else { throw .missing }
    return names.map(RelativePath.name)
  }

  func absolute(_ path: String) -> String { RelativePath.joined("/site", path) }
}

/// What a loader makes of channel files and what they reach, by path.
func load(
  _ texts: [String: String], _ paths: [String]? = nil,
  environment: @escaping @Sendable (String) -> String? = { _ in nil }
) -> LoadedChannels {
  let loader = ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: texts), environment: environment)
  return loader.load(paths ?? texts.keys.filter { $0.hasSuffix(".yaml") }.sorted())
}

/// What a loader makes of the folder `Channels`.
func loadFolder(
  _ texts: [String: String], environmentName: String? = nil,
  environment: @escaping @Sendable (String) -> String? = { _ in nil }
) -> LoadedChannels {
  var loader = ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: texts), environment: environment)
  loader.environmentName = environmentName
  return loader.load(folder: "Channels")
}
