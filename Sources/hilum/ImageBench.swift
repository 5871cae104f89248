import DICOM
import Foundation
import Glibc
import Partners

/// What taking images costs, beside the least that anybody must do for it and beside DCMTK: `hilum bench --images`.
///
/// CT slices of 512 KB, by C-STORE, TCP_NODELAY at both ends. Everybody writes to the same disk. The floor receives,
/// writes, syncs with fdatasync and answers; `storescp`, where it is installed, doesn't sync. The engine answers when
/// hash, seal, file and row are on disk; its partner is away, so that nothing is delivered meanwhile.
struct ImageBench {
  let pairs: Int
  let connections: [Int]
  let directory: String
  private static let objects = 1000
  private static let files = 64

  private enum Subject: String, CaseIterable {
    case floor = "floor: receive, write, fdatasync"
    case storescp = "DCMTK storescp, which doesn't sync"
    case engine = "engine"
    case changing = "engine, de-identified"
  }

  func run() async throws -> String {
    let samples = "\(directory)/bench-images-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: samples, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: samples) }
    let sendings = try (0..<Self.files).map { number in
      DICOMSending.file(try DICOMSendFile(path: try Self.slice(number, in: samples)))
    }
    let subjects = Subject.allCases.filter { $0 != .storescp || Self.storescp != nil }
    var rates: [Int: [Subject: [Double]]] = [:]
    for count in connections {
      for pair in 0..<max(1, pairs) {
        // Each goes first in its turn: machines have good and bad minutes.
        for index in subjects.indices {
          let subject = subjects[(index + pair) % subjects.count]
          rates[count, default: [:]][subject, default: []].append(try await measure(subject, sendings, count))
        }
      }
    }
    return lines(rates, subjects).joined(separator: "\n")
  }

  private func lines(_ rates: [Int: [Subject: [Double]]], _ subjects: [Subject]) -> [String] {
    var lines = ["\(Self.objects) CT slices of 512 KB, \(pairs) turns; the ratios are medians of turns"]
    for count in connections {
      lines.append("\(count) association\(count == 1 ? "" : "s")")
      for subject in subjects {
        guard let own = rates[count]?[subject] else { continue }
        let beside = [Subject.floor, .storescp, .engine].compactMap { other -> String? in
          guard other != subject, subject == .engine || subject == .changing, let others = rates[count]?[other]
          else { return nil }
          let name = other.rawValue.prefix { $0 != ":" && $0 != "," }
          return String(format: "%.2f of %@", Self.median(zip(own, others).map { $0 / $1 }), String(name))
        }
        let name = subject.rawValue.padding(toLength: 36, withPad: " ", startingAt: 0)
        lines.append("  \(name)\(Int(Self.median(own)))/s  \(beside.joined(separator: ", "))")
      }
    }
    return lines
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
  }

  // MARK: One measurement

  /// Objects a second.
  private func measure(_ subject: Subject, _ sendings: [DICOMSending], _ connections: Int) async throws -> Double {
    let folder = "\(directory)/bench-\(UUID().uuidString)"
    for name in ["Channels", "Transforms"] {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let port = try PortReservation()
    let child = try await start(subject, in: folder, port: port.port)
    do {
      var plan = DICOMSendPlan(PartnerEndpoint(.dicom, title: "BENCH", port: port.port))
      plan.connections = connections
      _ = try await DICOMSender(plan).send(sendings)
      let report = try await DICOMSender(plan).send(sendings, count: Self.objects)
      guard report.isAllTaken else { throw Failure("\(subject.rawValue) did not take all: \(report)") }
      _ = await child.stop()
      return Double(Self.objects) / report.seconds
    } catch {
      _ = await child.stop()
      throw error
    }
  }

  private func start(_ subject: Subject, in folder: String, port: Int) async throws -> ChildProcess {
    switch subject {
    case .floor:
      let child = try await ChildProcess.start(
        "/proc/self/exe",
        ["receive", "dicom://BENCH@127.0.0.1:\(port)", "--into", folder, "--sync", "--quiet"])
      _ = try await child.line { $0.contains("receives on") }
      return child
    case .storescp:
      let child = try await ChildProcess.start(
        Self.storescp ?? "", ["-od", folder, "+B", "-aet", "BENCH", "--fork", String(port)],
        environment: ["TCP_NODELAY": "1"])
      try await answers(on: port)
      return child
    case .engine, .changing:
      try write(folder + "/hilum.yaml", "log: {level: error}\n")
      try write(folder + "/Channels/images.yaml", channel(port, isChanged: subject == .changing))
      try write(folder + "/Transforms/bench.hilt", Self.program)
      try write(folder + "/bench.key", "a key of thirty-two bytes and more")
      let child = try await ChildProcess.start(
        "/proc/self/exe", ["run", "--settings", "\(folder)/hilum.yaml", "--quiet"],
        errorsTo: "\(folder)/errors.txt")
      _ = try await child.line { $0.contains("ready") }
      return child
    }
  }

  private func answers(on port: Int) async throws {
    for _ in 0..<100 {
      let report = try await DICOMSender(DICOMSendPlan(PartnerEndpoint(.dicom, title: "BENCH", port: port)))
        .send([.echo])
      if report.isAllTaken { return }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw Failure("storescp does not listen")
  }

  /// The port of TCP's own multiplexer is where nobody listens.
  private func channel(_ port: Int, isChanged: Bool) -> String {
    return """
      channel: images
      source:
        dicom: {port: \(port)}
      columns: {patient: PatientID}
      duplicates: {within: 0s}
      destinations:
        away:
          dicom: {host: 127.0.0.1, port: 1, ae-title: AWAY}
      \(isChanged ? "transform: {file: ../Transforms/bench.hilt, keys: {bench: {file: ../bench.key}}}" : "")

      """
  }

  private static let program = """
    transform bench
      in  dicom
      out dicom
    let out = deidentify(msg, profile: basic, key: "bench")
    emit out

    """

  private func write(_ path: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  private static let storescp: String? = ["/usr/bin/storescp", "/usr/local/bin/storescp"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  /// A file with an image of 512 KB.
  private static func slice(_ number: Int, in folder: String) throws -> String {
    let sopClass = DICOMDictionary.uid(keyword: "CTImageStorage")?.uid ?? ""
    let instance = "2.25.\(4711 + number)"
    var draft = DICOMDraft(new: .explicitLittle)
    for (keyword, value) in [
      ("SOPClassUID", DICOMValue.text(sopClass)), ("SOPInstanceUID", .text(instance)), ("Modality", .text("CT")),
      ("StudyInstanceUID", .text("2.25.4710")), ("PatientName", .text("Doe^Jane")), ("PatientID", .text("4711")),
      ("Rows", .integer(512)), ("Columns", .integer(512)),
      ("PixelData", .bytes((0..<(512 << 10)).map { UInt8(truncatingIfNeeded: ($0 &* 31 &+ number) >> 3) })),
    ] {
      guard let tag = DICOMDictionary.attribute(keyword: keyword)?.tag else { continue }
      try draft.set(DICOMPath(tag), value)
    }
    let head = try DICOMFile.head(sopClass: sopClass, sopInstance: instance, syntax: .explicitLittle)
    let path = "\(folder)/\(number).dcm"
    try Data(head + (try draft.bytes())).write(to: URL(fileURLWithPath: path))
    return path
  }
}
