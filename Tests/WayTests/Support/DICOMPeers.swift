import DICOM
import Foundation

/// Those who speak DICOM of other houses, and what passes between them and ours.
struct DICOMPeers {
  let project: Project

  init() throws { project = try Project() }

  /// `hilum receive`, when it listens.
  func receive(_ options: [String] = [], scheme: String = "dicom") async throws -> (port: Int, launch: Launch) {
    let port = try project.port()
    let launch = try Launch(
      [Project.binary, "receive", "\(scheme)://PACS@127.0.0.1:\(port)"] + options, in: project.folder,
      output: project.path("receive-\(port).out"), errors: project.path("receive-\(port).err"))
    try await eventually("it listens: \(launch.errors)") { launch.output.contains("hilum receives on") }
    return (port, launch)
  }

  /// DCMTK's `storescp`, when it listens.
  func storescp(_ options: [String], into folder: String = "peer") async throws -> (port: Int, launch: Launch) {
    try project.makeFolder(folder)
    let port = try project.port()
    // It listens when its port is its own: without this a port that is kept for it is in use.
    let launch = try Launch(
      ["storescp", "-od", project.path(folder)] + options + ["\(port)"], in: project.folder,
      environment: ["TCP_NODELAY": "1"], output: project.path("storescp-\(port).out"),
      errors: project.path("storescp-\(port).err"))
    try await eventually("storescp listens: \(launch.errors)") { Self.listens(on: port) }
    return (port, launch)
  }

  func dcmtk(_ words: String...) async throws -> Project.CommandResult {
    try await project.run(["env", "TCP_NODELAY=1"] + words)
  }

  func send(_ port: Int, _ options: [String], scheme: String = "dicom") async throws -> Project.CommandResult {
    try await project.run([Project.binary, "send", "\(scheme)://PACS@127.0.0.1:\(port)"] + options)
  }

  /// Somebody listens on a port, as the system sees it: to connect would be an association that breaks.
  private static func listens(on port: Int) -> Bool {
    let digits = String(port, radix: 16, uppercase: true)
    let end = ":" + String(repeating: "0", count: 4 - digits.count) + digits
    return ["/proc/net/tcp", "/proc/net/tcp6"].contains { path in
      let table = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
      return table.split(separator: "\n").contains { line in
        let words = line.split(separator: " ")
        return words.count > 3 && words[1].hasSuffix(end) && words[3] == "0A"
      }
    }
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
