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

  /// Values of an element wherever it stands in a data set, as bytes without padding.
  private static func values(_ vr: DICOMVR, _ dataSet: DICOMDataSet) -> Set<[UInt8]> {
    var all: Set<[UInt8]> = []
    for element in dataSet.elements {
      for item in element.items { all.formUnion(values(vr, item)) }
      guard element.vr == vr, let bytes = try? element.bytes() else { continue }
      all.formUnion(bytes.split(separator: UInt8(ascii: "\\")).map { Array(DICOMText.trimmed($0, vr)) })
    }
    return all
  }

  /// What stands before the pixels; these may hold any bytes.
  private static func header(_ file: [UInt8]) throws -> [UInt8] {
    let object = try DICOMObject(file, limits: DICOMLimits(acceptsTruncated: true))
    let elements = object.dataSet.elements.filter { $0.tag.group != 0x7FE0 && $0.valueRange.count <= 1 << 16 }
    let meta = try #require(object.meta.bytes(object.meta.range))
    return try meta + elements.flatMap { Array(try #require(object.dataSet.bytes($0.range))) }
  }

  @Test(.enabled(if: PydicomTests.python != nil, "pydicom is not installed"))
  func `files are de-identified, and pydicom reads them`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pydicom-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let rules = try deidentification(prefix: "RS")
    var counts = (files: 0, directories: 0, secrets: 0)
    for (number, file) in try Self.files().enumerated() {
      let object = try DICOMObject(file.bytes, limits: DICOMLimits(acceptsTruncated: true))
      if object.dataSet["DirectoryRecordSequence"] != nil {
        #expect(throws: DICOMError.self) { try rules.apply(to: object) }
        counts.directories += 1
        continue
      }
      // What is said to be there and isn't can't be written.
      if object.notes.contains(where: { $0.kind == .truncated }) || file.bytes.count < 200 { continue }
      let (draft, _) = try rules.apply(to: object)
      let written = try object.file(with: draft).flatMap { stretch in
        switch stretch {
        case .bytes(let bytes): bytes
        case .range(let range): Array(file.bytes[range])
        }
      }
      let again = try #require(try? DICOMObject(written), "\(file.name)")
      #expect(again.dataSet["PatientIdentityRemoved"] != nil, "\(file.name)")
      let header = try Self.header(written)
      let names = Self.values(.pn, object.dataSet).flatMap {
        $0.split { $0 == UInt8(ascii: "^") || $0 == UInt8(ascii: "=") }
      }
      // Of the standard, and of a coding scheme of OFFIS.
      let uids = Self.values(.ui, object.dataSet).filter { uid in
        !uid.starts(with: "1.2.840.10008.".utf8) && !uid.starts(with: "1.2.276.0.7230010.3.0.0.1".utf8)
      }
      let id = try object.dataSet[.patientID].map { [Array(DICOMText.trimmed(try $0.bytes(), .lo))] } ?? []
      for secret in names.map(Array.init) + Array(uids) + id where secret.count > 4 {
        counts.secrets += 1
        #expect(!header.contains(secret), "\(file.name): \(String(decoding: secret, as: UTF8.self))")
      }
      counts.files += 1
      if object.meta.isEmpty { continue }
      try Data(written).write(to: folder.appendingPathComponent("\(number)-\(file.name)").appendingPathExtension("dcm"))
    }
    #expect(counts.files > 150 && counts.directories > 0 && counts.secrets > 500, "\(counts)")
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Peers/pydicom-identity.py")
    let python = try #require(Self.python)
    let output = try #require(Self.output(python, [script.path, folder.path]))
    let lines = output.split(separator: "\n").map(String.init)
    #expect(lines.dropLast() == [])
    let read = lines.last?.split(separator: " ").compactMap { Int($0) } ?? []
    #expect(read.count == 2 && read[0] > 100 && read[1] > 3000, "\(lines.last ?? "nothing")")
  }
}
