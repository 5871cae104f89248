import DICOM
import Foundation
import Synchronization
import Testing

/// Those who speak DICOM of other houses, and what passes between them and ours. They go when this does.
final class DICOMPeers: Sendable {
  let project: Project
  private let launches = Mutex<[Launch]>([])

  init() throws { project = try Project() }

  deinit { for launch in launches.withLock({ $0 }) { launch.signal(SIGKILL) } }

  /// A program that works until this goes.
  func launch(_ words: [String], _ name: String, environment: [String: String] = [:]) throws -> Launch {
    let launch = try Launch(
      words, in: project.folder, environment: environment, output: project.path(name + ".out"),
      errors: project.path(name + ".err"))
    launches.withLock { $0.append(launch) }
    return launch
  }

  /// `hilum receive`, when it listens.
  func receive(_ options: [String] = [], scheme: String = "dicom") async throws -> (port: Int, launch: Launch) {
    let port = try project.port()
    let launch = try launch(
      [Project.binary, "receive", "\(scheme)://PACS@127.0.0.1:\(port)"] + options, "receive-\(port)")
    try await Self.until(launch) { launch.output.contains("hilum receives on") }
    return (port, launch)
  }

  /// DCMTK's `storescp`, when it listens.
  func storescp(_ options: [String], into folder: String = "peer") async throws -> (port: Int, launch: Launch) {
    try project.makeFolder(folder)
    let port = try project.port()
    let launch = try launch(
      ["storescp", "-od", project.path(folder)] + options + ["\(port)"], "storescp-\(port)",
      environment: ["TCP_NODELAY": "1"])
    try await Self.until(launch) { Self.listens(on: port) }
    return (port, launch)
  }

  /// Orthanc, when it listens; whoever is called `title` on a port of this machine it knows as `hilum`.
  func orthanc(_ title: String, _ port: Int) async throws -> (web: Int, port: Int) {
    let (web, own) = (try project.port(), try project.port())
    try project.write(
      "orthanc.json",
      """
      {"StorageDirectory": "\(project.path("held"))", "IndexDirectory": "\(project.path("held"))",
       "HttpPort": \(web), "DicomPort": \(own), "DicomAet": "PACS", "Plugins": [], "DicomCheckCalledAet": true,
       "DicomAlwaysAllowEcho": true, "DicomAlwaysAllowStore": true, "AuthenticationEnabled": false,
       "DicomModalities": {"hilum": ["\(title)", "127.0.0.1", \(port)]}}
      """)
    let server = try launch([try #require(Tools.orthanc), project.path("orthanc.json")], "orthanc")
    try await Self.until(server) { Self.listens(on: own) && Self.listens(on: web) }
    return (web, own)
  }

  static func until(_ launch: Launch, _ holds: () -> Bool) async throws {
    try await eventually("it listens") {
      guard launch.isRunning else { throw WayError("it has ended: \(launch.errors)") }
      return holds()
    }
  }

  func dcmtk(_ words: String...) async throws -> Project.CommandResult {
    try await project.run(["env", "TCP_NODELAY=1"] + words)
  }

  func send(_ port: Int, _ options: [String], scheme: String = "dicom") async throws -> Project.CommandResult {
    try await project.run([Project.binary, "send", "\(scheme)://PACS@127.0.0.1:\(port)"] + options)
  }

  /// Somebody listens on a port, as the system sees it: to connect would be an association that breaks.
  static func listens(on port: Int) -> Bool {
    let digits = String(port, radix: 16, uppercase: true)
    let end = ":" + String(repeating: "0", count: 4 - digits.count) + digits
    return ["/proc/net/tcp", "/proc/net/tcp6"].contains { path in
      lines(path).contains { line in
        let words = line.split(separator: " ")
        return words.count > 3 && words[1].hasSuffix(end) && words[3] == "0A"
      }
    }
  }

  /// Of a file of the system, which Foundation reads the first page of.
  private static func lines(_ path: String) -> [Substring] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }

  /// The data sets of all files in a folder, in no order.
  func dataSets(in folder: String) throws -> [Data: Int] {
    try project.names(in: folder).reduce(into: [:]) { sets, name in
      sets[try Self.dataSet(project.path("\(folder)/\(name)")), default: 0] += 1
    }
  }

  static func dataSet(_ path: String) throws -> Data {
    let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
    var dataSet = Data(bytes[try DICOMObject(bytes, limits: DICOMLimits(acceptsTruncated: true)).dataSetStart...])
    // As it is sent: nothing of an odd length may be.
    if dataSet.count % 2 == 1 { dataSet.append(0) }
    return dataSet
  }

  /// The files that pydicom tries itself with.
  static let files: [String] = {
    guard let python = Tools.dicom else { return [] }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-c", "import pydicom.data, os; print(os.path.dirname(pydicom.data.__file__), end='')"]
    let pipe = Pipe()
    process.standardOutput = pipe
    guard (try? process.run()) != nil else { return [] }
    let folder = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) + "/test_files"
    process.waitUntilExit()
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasSuffix(".dcm") }.sorted().map { "\(folder)/\($0)" }
  }()

  static func file(_ name: String) throws -> String {
    guard let path = files.first(where: { $0.hasSuffix("/" + name) }) else { throw WayError("pydicom has no \(name)") }
    return path
  }
}
