import Foundation
import Testing
import Text

@testable import DICOM

/// The files that pydicom tries itself with, and what it reads in them. Skipped where that package is not installed.
@Suite(.timeLimit(.minutes(3)))
struct PydicomTests {
  /// A Python that has `pydicom`: `HILUM_PYTHON`, `.venv/bin/python` of this package, or the system's.
  static let python: String? = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let candidates: [String?] = [
      ProcessInfo.processInfo.environment["HILUM_PYTHON"], root.appendingPathComponent(".venv/bin/python").path,
      "/usr/bin/python3",
    ]
    return candidates.compactMap(\.self).first { output($0, ["-c", "import pydicom"]) != nil }
  }()

  /// What a program prints; `nil` where it fails.
  private static func output(_ program: String, _ arguments: [String]) -> String? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    guard FileManager.default.isExecutableFile(atPath: program), (try? process.run()) != nil else { return nil }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
  }

  private struct PeerFile {
    var path: String
    var name: String
    var bytes: [UInt8]
  }

  private static func files() throws -> [PeerFile] {
    let python = try #require(python)
    let folder = try #require(
      output(python, ["-c", "import pydicom.data, os; print(os.path.dirname(pydicom.data.__file__))"]))
    let root = URL(fileURLWithPath: folder.trimmingCharacters(in: .whitespacesAndNewlines))
    var files: [PeerFile] = []
    for kind in ["test_files", "charset_files"] {
      let walk = FileManager.default.enumerator(at: root.appendingPathComponent(kind), includingPropertiesForKeys: nil)
      for case let url as URL in try #require(walk) {
        let isDICOM = url.pathExtension == "dcm" || url.path.contains("/dicomdirtests/")
        guard isDICOM, url.lastPathComponent != "README", let data = try? Data(contentsOf: url), !data.isEmpty else {
          continue
        }
        // Its sequence is longer than it says: that is told, and not read.
        guard url.lastPathComponent != "DICOMDIR-nooffset" else { continue }
        files.append(PeerFile(path: url.path, name: url.lastPathComponent, bytes: Array(data)))
      }
    }
    return files.sorted { $0.path < $1.path }
  }

  @Test(.enabled(if: PydicomTests.python != nil, "pydicom is not installed"))
  func `every file is read and written again bit for bit, whole and in pieces`() throws {
    let files = try Self.files()
    #expect(files.count > 90)
    for file in files {
      let object = try #require(
        try? DICOMObject(file.bytes, limits: DICOMLimits(acceptsTruncated: true)), "\(file.name)")
      #expect(try object.file(with: DICOMDraft(object.dataSet)) == [.range(0..<file.bytes.count)], "\(file.name)")
      #expect(!object.dataSet.isEmpty, "\(file.name)")
      let source = Array(try #require(object.dataSet.bytes(object.dataSet.range)))
      if !object.notes.contains(where: { $0.kind == .truncated || $0.kind == .delimiter }) {
        let isSame = try rewritten(object.dataSet) == source
        #expect(isSame, "\(file.name): \(object.notes)")
      }
      var reader = DICOMReader(limits: DICOMLimits(acceptsTruncated: true))
      for start in stride(from: 0, to: file.bytes.count, by: 1000) {
        try reader.receive(file.bytes[start..<min(start + 1000, file.bytes.count)])
      }
      let streamed = try reader.finish()
      #expect(streamed.dataSet.elements.map(\.range) == object.dataSet.elements.map(\.range), "\(file.name)")
      #expect(streamed.notes == object.notes, "\(file.name)")
    }
  }

  @Test(.enabled(if: PydicomTests.python != nil, "pydicom is not installed"))
  func `values are those that pydicom reads`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pydicom-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var unread: [String] = []
    for (number, file) in try Self.files().enumerated() {
      let object = try DICOMObject(file.bytes, limits: DICOMLimits(acceptsTruncated: true))
      var writer = JSONWriter()
      do {
        try DICOMJSON.write(object.dataSet, to: &writer) { _ in .uri("x") }
      } catch {
        unread.append("\(file.name): \(error)")
        continue
      }
      let text = Data((file.path + "\n").utf8) + Data(writer.bytes)
      try text.write(to: folder.appendingPathComponent("\(number).json"))
    }
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Peers/pydicom-values.py")
    let python = try #require(Self.python)
    let output = try #require(Self.output(python, [script.path, folder.path]))
    let lines = output.split(separator: "\n").map(String.init)
    #expect(unread == [])
    #expect(lines.dropLast() == [])
    let counts = lines.last?.split(separator: " ").compactMap { Int($0) } ?? []
    #expect(counts.count == 2 && counts[0] > 150 && counts[1] > 10_000, "\(lines.last ?? "nothing")")
  }
}
