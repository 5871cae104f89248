import Foundation
import HL7

/// One case beside a program or a channel: a folder with an input and what is expected of it.
package struct CaseFolder: Sendable, Hashable {
  /// What is tested.
  package enum Subject: Sendable, Hashable {
    case transform(String)
    case channel(String)
    /// The folder `x.tests` with neither `x.hilt` nor `x.yaml` beside it.
    case missing(String)

    package var path: String {
      switch self {
      case .transform(let path), .channel(let path), .missing(let path): path
      }
    }
  }

  package let subject: Subject
  /// The folder.
  package let path: String
  /// The folder's name.
  package var name: String { (path as NSString).lastPathComponent }

  static let suffix = ".tests"

  /// The cases that paths name: a program or a channel with `x.tests` beside it, a folder `x.tests`, one case in it, or
  /// a folder with any of them below it. Sorted by subject and name.
  package static func find(_ paths: [String]) throws(ProgramFiles.Trouble) -> [CaseFolder] {
    var found: [CaseFolder] = []
    for path in paths.map(trimmed) {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw ProgramFiles.Trouble("there is no file or folder \(path)", isMissing: true)
      }
      if !isFolder.boolValue {
        let base = (path as NSString).deletingPathExtension
        found += cases(in: base + suffix)
      } else if path.hasSuffix(suffix) {
        found += cases(in: path)
      } else if (path as NSString).deletingLastPathComponent.hasSuffix(suffix) {
        let suite = (path as NSString).deletingLastPathComponent
        found.append(CaseFolder(subject: subject(of: suite), path: path))
      } else {
        found += suites(below: path).flatMap { cases(in: $0) }
      }
    }
    var seen: Set<String> = []
    return found.filter { seen.insert($0.path).inserted }
      .sorted { ($0.subject.path, $0.path) < ($1.subject.path, $1.path) }
  }

  private static func trimmed(_ path: String) -> String {
    path.count > 1 && path.hasSuffix("/") ? trimmed(String(path.dropLast())) : path
  }

  private static func folders(in folder: String) -> [String] {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { !$0.hasPrefix(".") }
    return names.sorted().map { folder == "." ? $0 : folder + "/" + $0 }.filter { path in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
        && (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) == nil
    }
  }

  private static func suites(below folder: String) -> [String] {
    folders(in: folder).flatMap { $0.hasSuffix(suffix) ? [$0] : $0.hasSuffix("/data") ? [] : suites(below: $0) }
  }

  /// The cases of a program, which need not be a file yet.
  static func cases(of program: String) -> [CaseFolder] {
    let base = program.hasSuffix(".hilt") ? String(program.dropLast(".hilt".count)) : program
    return folders(in: base + suffix).map { CaseFolder(subject: .transform(program), path: $0) }
  }

  private static func cases(in suite: String) -> [CaseFolder] {
    let subject = subject(of: suite)
    return folders(in: suite).map { CaseFolder(subject: subject, path: $0) }
  }

  private static func subject(of suite: String) -> Subject {
    let base = String(suite.dropLast(suffix.count))
    let there = { FileManager.default.fileExists(atPath: base + $0) }
    if there(".hilt") { return .transform(base + ".hilt") }
    for ending in [".yaml", ".yml"] where there(ending) { return .channel(base + ending) }
    return .missing(base)
  }

  // MARK: Its files

  /// The names of its files, sorted.
  func names() -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { !$0.hasPrefix(".") }.sorted()
  }

  /// The one file `in.…`.
  func input() throws(ProgramFiles.Trouble) -> (name: String, bytes: [UInt8]) {
    let inputs = names().filter { $0.hasPrefix("in.") }
    guard let name = inputs.first, inputs.count == 1 else {
      let what =
        inputs.isEmpty ? "there is no input: in.hl7" : "there are several inputs: \(inputs.joined(separator: ", "))"
      throw ProgramFiles.Trouble(what)
    }
    return (name, try ProgramFiles.read("\(path)/\(name)"))
  }

  /// A message beside the input: `sent.hl7` and `original.hl7` of a reply transform; `nil` where there is none.
  func message(_ name: String) throws -> HL7Message? {
    guard FileManager.default.fileExists(atPath: "\(path)/\(name)") else { return nil }
    do {
      return try HL7Message(CaseActual.asSent(try ProgramFiles.read("\(path)/\(name)")))
    } catch let error as HL7ParseError {
      throw ProgramFiles.Trouble("\(name) can't be read: \(error)")
    }
  }

  /// What is expected to come out, by file name.
  func outputs() throws(ProgramFiles.Trouble) -> [String: [UInt8]] {
    var outputs: [String: [UInt8]] = [:]
    for name in names() where name.hasPrefix("out.") { outputs[name] = try ProgramFiles.read("\(path)/\(name)") }
    return outputs
  }

  static let outcomeName = "outcome.txt"

  /// The lines of `outcome.txt`; `nil` where there is none.
  func outcome() throws(ProgramFiles.Trouble) -> [String]? {
    guard FileManager.default.fileExists(atPath: "\(path)/\(Self.outcomeName)") else { return nil }
    let text = try ProgramFiles.text("\(path)/\(Self.outcomeName)")
    return Self.lines(text)
  }

  static func lines(_ text: String) -> [String] {
    var lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map(String.init)
    while lines.last?.allSatisfy(\.isWhitespace) == true { lines.removeLast() }
    return lines
  }
}
