import ConnectorKit
import Definitions
import Foundation
package import Messages

/// What `params.yaml` and `ignore.txt` of a case say.
///
/// ```yaml
/// parameters: {processing: P}          # values of the transform's `param` lines
/// message:                             # what the engine knows: message.received, message.source.file.name
///   received: 2026-01-01T12:00:00Z
///   source: {file: {name: a01.hl7}}
/// ignore: [MSH-7, MSH-10]              # places whose difference counts for nothing
/// ```
package struct CaseSettings: Sendable {
  package var parameters: [String: Value] = [:]
  /// `message.*`, as far as the case says it.
  package var attributes: [String: Value] = [:]
  package var ignored: [IgnoredPlace] = []

  /// A case that says nothing came at this moment: 1 January 2026, 00:00 UTC.
  package static let standardReceived: Int64 = 1_767_225_600_000

  package static let fileName = "params.yaml"
  package static let ignoreName = "ignore.txt"

  /// Something in these files that can't be read, as a person sees it.
  package struct Trouble: Error, CustomStringConvertible {
    package let description: String
  }

  package init() {}

  package init(_ folder: CaseFolder) throws {
    let file = "\(folder.path)/\(Self.fileName)"
    if FileManager.default.fileExists(atPath: file) {
      let (node, problems, source) = PlainSettings.read(try ProgramFiles.read(file), file: file)
      guard problems.isEmpty else {
        throw Trouble(description: problems.map { $0.rendered(source: source) }.joined(separator: "\n"))
      }
      if let node { try read(node) }
    }
    let ignore = "\(folder.path)/\(Self.ignoreName)"
    if FileManager.default.fileExists(atPath: ignore) {
      for (index, line) in CaseFolder.lines(try ProgramFiles.text(ignore)).enumerated() {
        let text = line.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces)
        if !text.isEmpty { try self.ignore(text, at: "\(ignore):\(index + 1)") }
      }
    }
  }

  private mutating func read(_ node: SettingNode) throws {
    guard case .map(let entries) = node.kind else {
      throw Trouble(description: "\(node.place): parameters, message and ignore are known here")
    }
    for entry in entries {
      switch (entry.key, entry.value.kind) {
      case ("parameters", .map(let parameters)):
        for parameter in parameters {
          guard let text = parameter.value.scalar else { throw single(parameter) }
          self.parameters[parameter.key] = .text(text)
        }
      case ("message", .map(let attributes)):
        for attribute in attributes { self.attributes[attribute.key] = try value(attribute) }
      case ("ignore", .list(let places)):
        for place in places { try ignore(place.scalar ?? "", at: "\(place.place)") }
      case ("parameters", _), ("message", _):
        throw Trouble(description: "\(entry.keyPlace): `\(entry.key)` holds names and values: {name: value}")
      case ("ignore", _): throw Trouble(description: "\(entry.keyPlace): `ignore` is a list: [MSH-7, MSH-10]")
      default:
        throw Trouble(
          description: "\(entry.keyPlace): there is no `\(entry.key)` here; known are parameters, message and ignore")
      }
    }
  }

  private func single(_ entry: SettingNode.Entry) -> Trouble {
    Trouble(description: "\(entry.keyPlace): `\(entry.key)` takes a single value")
  }

  private func value(_ entry: SettingNode.Entry) throws -> Value {
    if entry.key == "received" {
      guard let text = entry.value.scalar else { throw single(entry) }
      if let number = Int64(text) { return .integer(number) }
      guard let date = try? Date(text, strategy: .iso8601) else {
        throw Trouble(description: "\(entry.value.place): `received` is a time such as 2026-01-01T12:00:00Z")
      }
      return .integer(Int64((date.timeIntervalSince1970 * 1000).rounded()))
    }
    switch entry.value.kind {
    case .scalar(let text): return .text(text)
    case .map(let fields):
      return .record(
        try Dictionary(fields.map { ($0.key, try value($0)) }, uniquingKeysWith: { first, _ in first }))
    case .list: throw single(entry)
    }
  }

  private mutating func ignore(_ text: String, at place: String) throws {
    guard let ignored = IgnoredPlace(text) else {
      throw Trouble(description: "\(place): a place to ignore is written MSH-7, PID-3[1].4 or NK1")
    }
    self.ignored.append(ignored)
  }
}

/// A place whose difference counts for nothing: `MSH-7`, `PID-3[1].4`, `OBX[2]-5`, `NK1`.
package struct IgnoredPlace: Sendable, Hashable {
  let segment: String
  /// `nil` is any, as with all that follow.
  let occurrence: Int?
  let field: Int?
  let repetition: Int?
  let component: Int?
  let subcomponent: Int?

  package init?(_ text: String) {
    let shape = /([A-Z][A-Z0-9]{2})(?:\[(\d{1,6})\])?(?:-(\d{1,6})(?:\[(\d{1,6})\])?(?:\.(\d{1,6})(?:\.(\d{1,6}))?)?)?/
    guard let match = text.wholeMatch(of: shape) else { return nil }
    segment = String(match.1)
    occurrence = match.2.flatMap { Int($0) }
    field = match.3.flatMap { Int($0) }
    repetition = match.4.flatMap { Int($0) }
    component = match.5.flatMap { Int($0) }
    subcomponent = match.6.flatMap { Int($0) }
  }

  func covers(_ place: ComparedPlace) -> Bool {
    func fits(_ wanted: Int?, _ actual: Int?) -> Bool { wanted == nil || wanted == actual }
    return segment == place.segment && fits(occurrence, place.occurrence) && fits(field, place.field)
      && fits(repetition, place.repetition) && fits(component, place.component)
      && fits(subcomponent, place.subcomponent)
  }
}

/// A place where two messages are compared; what is `nil` differs as a whole.
struct ComparedPlace: Sendable, Hashable {
  var segment: String
  var occurrence: Int
  var field: Int?
  var repetition: Int?
  var component: Int?
  var subcomponent: Int?
}
