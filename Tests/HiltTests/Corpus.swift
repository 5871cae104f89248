import Foundation
import HL7
import Hilt
import Messages

/// Files of the project that the tests read.
enum Corpus {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

  /// The 101 messages of Simulated Hospital: segments end in CR, each message in LF.
  static func simulatedHospital() throws -> [HL7Message] {
    let url = root.appending(path: "Tests/Corpus/hl7/simhospital/messages-101.hl7")
    let bytes = [UInt8](try Data(contentsOf: url))
    return try bytes.split(separator: 0x0A).map { try HL7Message(Array($0)) }
  }

  /// Every file of the corpus that can be read as one message.
  static func allMessages() -> [HL7Message] {
    let folder = root.appending(path: "Tests/Corpus/hl7")
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    let urls = (files?.compactMap { $0 as? URL } ?? []).sorted { $0.path < $1.path }
    return urls.compactMap { url in
      guard let data = try? Data(contentsOf: url) else { return nil }
      return try? HL7Message([UInt8](data))
    }
  }

  /// Files beside a transform.
  struct Folder: HiltFiles {
    let url: URL
    func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: url.appending(path: path))) }
    func key(_ name: String) -> HiltKey? { .forTrials(name) }
  }

  static func transform(_ name: String) throws -> (program: HiltProgram?, problems: [String]) {
    let folder = root.appending(path: "Transforms")
    let source = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    let (program, problems) = HiltProgram.compile(source, file: "Transforms/\(name)", files: Folder(url: folder))
    return (program, problems.map { $0.rendered(source: source) })
  }
}

/// A generator with a seed that a failing test prints.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
