import DICOM
import Definitions
import Foundation
import HL7
import Hilt
import Messages
import Text

/// One case of the conformance folder: a program, what it is given, and what is expected of it.
///
/// A case is a file of sections. A line of ten dashes opens one and names it:
///
/// - before the first line: the program (or, for `expression` cases, nothing)
/// - `file NAME`: a table the program can read; others are those of `Transforms`
/// - `parameter NAME`: a value for a `param`
/// - `message`: the attributes of `message.*`, one `name: value` a line
/// - `input`: a message, one segment a line; of DICOM one element a line, `PatientID = 42`; for other formats the
///   content as it stands
/// - `sent`, `original`: for reply transforms, messages like `input`
/// - `output [DESTINATION, …]`: what must be emitted, in order; the word `= input` stands for the input itself
/// - `meta`: the attributes of the output before it
/// - `notes`: what must be noted, a line each
/// - `outcome`: `routed`, `dropped: why`, `held: why`, `rejected AE 101 at PID-3: why`, or the text of a failure
/// - `problems`: what the compiler must say, word for word
/// - `trace`: line, turns and value of what each statement gave
struct ConformanceCase: Sendable, CustomStringConvertible {
  struct Section {
    var name: String
    var argument: String
    var text: String
  }

  let description: String
  let url: URL
  let program: String
  let sections: [Section]

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Conformance")

  static let all: [ConformanceCase] = {
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    let urls = (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "hilt-test" }
    return urls.sorted { $0.path < $1.path }.compactMap { ConformanceCase($0) }
  }()

  /// A case that stands elsewhere than in a file of its own.
  init(description: String, program: String, sections: [Section]) {
    self.description = description
    url = Self.folder
    self.program = program
    self.sections = sections
  }

  init?(_ url: URL) {
    guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
    let topic = url.deletingLastPathComponent().lastPathComponent
    description = "\(topic)/\(url.deletingPathExtension().lastPathComponent)"
    self.url = url
    var sections: [Section] = [Section(name: "program", argument: "", text: "")]
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("----------") {
        let words = line.drop { $0 == "-" }.split(separator: " ", maxSplits: 1).map(String.init)
        sections.append(Section(name: words.first ?? "", argument: words.count > 1 ? words[1] : "", text: ""))
      } else {
        sections[sections.count - 1].text += line + "\n"
      }
    }
    for index in sections.indices {
      while sections[index].text.hasSuffix("\n\n") { sections[index].text.removeLast() }
      if sections[index].text == "\n" { sections[index].text = "" }
    }
    program = sections[0].text
    self.sections = Array(sections.dropFirst())
  }

  func sections(_ name: String) -> [Section] { sections.filter { $0.name == name } }
}

// MARK: - What happens

extension ConformanceCase {
  /// Files of a case, by name.
  private struct Files: HiltFiles {
    struct Missing: Error, CustomStringConvertible { let description = "it does not exist" }
    let texts: [String: String]
    func read(_ path: String) throws -> [UInt8] {
      if let text = texts[path] { return Array(text.utf8) }
      // What a case doesn't bring itself is what ships.
      guard let data = try? Data(contentsOf: Corpus.root.appending(path: "Transforms/\(path)")) else { throw Missing() }
      return Array(data)
    }
    func profile(_ bytes: [UInt8], file: String) -> HiltProfile.Reading { ProfileReader.read(bytes, file: file) }
    func key(_ name: String) -> HiltKey? { name == "unknown" ? nil : .forTrials(name) }
    var keyNames: [String] { ["research-2026"] }
  }

  /// The sections that are expected, with what really came.
  func actual() -> [Section] {
    var texts: [String: String] = [:]
    for section in sections("file") { texts[section.argument] = section.text }
    var parameters: [String: Value] = [:]
    for section in sections("parameter") { parameters[section.argument] = .text(section.text.trimmed) }
    let name = program.split(separator: "\n").lazy.compactMap { line in
      let words = line.split(separator: " ")
      return words.first == "transform" && words.count > 1 ? String(words[1]) : nil
    }.first
    let file = (name ?? "program") + ".hilt"
    let (compiled, problems) = HiltProgram.compile(
      program, file: file, parameters: parameters, files: Files(texts: texts))
    var actual: [Section] = []
    if !problems.isEmpty {
      let rendered = problems.map { $0.rendered(source: $0.place.file == file ? program : texts[$0.place.file]) }
      actual.append(Section(name: "problems", argument: "", text: rendered.joined(separator: "\n") + "\n"))
    }
    guard let compiled, let input = sections("input").first else { return actual }
    actual.append(contentsOf: run(compiled, input))
    return actual
  }

  private func run(_ program: HiltProgram, _ section: Section) -> [Section] {
    let isHL7 = program.input.format == .hl7v2
    let message: HL7Message?
    do {
      message = isHL7 ? try HL7Message(Self.segments(section)) : nil
    } catch {
      return [Section(name: "input", argument: "", text: "\(error)\n")]
    }
    let bytes = program.input.format == .dicom ? DICOMText.file(section.text) : Array(section.text.utf8)
    var limits = HiltLimits()
    if let steps = sections("steps").first.flatMap({ Int($0.text.trimmed) }) { limits.stepsMax = steps }
    let input = HiltInput(
      message, original: self.message("original"), sent: self.message("sent"),
      bytes: isHL7 ? [] : bytes, attributes: attributes, limits: limits)
    let result = program.run(input, tracing: true)
    var actual: [Section] = []
    for emitted in result.emitted {
      let text = Self.text(emitted, bytes)
      actual.append(
        Section(name: "output", argument: emitted.destinations?.joined(separator: ", ") ?? "", text: text))
      if !emitted.meta.isEmpty {
        let lines = emitted.meta.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text ?? "")\n" }
        actual.append(Section(name: "meta", argument: "", text: lines.joined()))
      }
    }
    if !result.notes.isEmpty {
      actual.append(
        Section(name: "notes", argument: "", text: result.notes.map { "\($0.place.line): \($0.text)\n" }.joined()))
    }
    actual.append(Section(name: "outcome", argument: "", text: outcome(result.decision, bytes) + "\n"))
    if !sections("trace").isEmpty {
      let lines = result.trace.map { entry in
        "\(entry.line)\(entry.turns.map { " turn \($0)" }.joined()): \(entry.text)\n"
      }
      actual.append(Section(name: "trace", argument: "", text: lines.joined()))
    }
    return actual
  }

  private static func segments(_ section: Section) -> [UInt8] {
    Array(section.text.utf8).map { $0 == 0x0A ? 0x0D : $0 }
  }

  private func message(_ name: String) -> HL7Message? {
    sections(name).first.flatMap { try? HL7Message(Self.segments($0)) }
  }

  private static func text(_ emitted: HiltEmitted, _ input: [UInt8]) -> String {
    switch emitted.made(of: input) {
    case nil: return "= input\n"
    case let bytes? where emitted.format == .dicom: return DICOMText.lines(bytes)
    case let bytes? where emitted.format == .xml:
      // A line for each element: what is compared is what a person reads.
      guard let document = try? XMLDocument(bytes) else { return "no XML\n" }
      var writer = XMLWriter(isPretty: true)
      writer.node(document.root)
      return String(decoding: writer.bytes, as: UTF8.self) + "\n"
    case let bytes?:
      let text = String(
        decoding: emitted.format == .hl7v2 ? bytes.map { $0 == 0x0D ? 0x0A : $0 } : bytes.filter { $0 != 0x0D },
        as: UTF8.self)
      return text.hasSuffix("\n") ? text : text + "\n"
    }
  }

  private var attributes: [String: Value] {
    var attributes: [String: Value] = [:]
    for line in sections("message").first?.text.split(separator: "\n") ?? [] {
      let parts = line.split(separator: ":", maxSplits: 1).map { String($0).trimmed }
      guard parts.count == 2 else { continue }
      let value: Value = Int64(parts[1]).map { .integer($0) } ?? .text(parts[1])
      Self.set(value, parts[0].split(separator: ".").map(String.init), in: &attributes)
    }
    return attributes
  }

  private static func set(_ value: Value, _ path: [String], in record: inout [String: Value]) {
    guard path.count > 1 else {
      record[path[0]] = value
      return
    }
    var inner: [String: Value] = [:]
    if case .record(let fields)? = record[path[0]] { inner = fields }
    set(value, Array(path.dropFirst()), in: &inner)
    record[path[0]] = .record(inner)
  }

  private func outcome(_ decision: HiltDecision, _ input: [UInt8]) -> String {
    switch decision {
    case .routed: return "routed"
    case .dropped(let reason): return "dropped: \(reason)"
    case .held(let reason): return "held: \(reason)"
    case .done: return "done"
    case .retry(let reason): return "retry: \(reason)"
    case .dead(let reason): return "dead: \(reason)"
    case .answered(let answer): return "answered:\n" + Self.text(answer, input).trimmed
    case .rejected(let rejection):
      if rejection.isDIMSE {
        return "rejected \(rejection.shownCode)\(rejection.path.map { " at \($0)" } ?? ""): \(rejection.reason)"
      }
      let number = rejection.number.map { " \($0)" } ?? ""
      let place = rejection.path.map { " at \($0)" } ?? ""
      return "rejected \(rejection.code)\(number)\(place): \(rejection.reason)"
    case .failed(let failure):
      if failure.isDecision { return "failed: \(failure.problem.message)" }
      let place = failure.path.map { "  in the message: \($0)" } ?? ""
      return failure.problem.rendered(source: program) + (place.isEmpty ? "" : "\n" + place)
    }
  }
}

extension String {
  var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
