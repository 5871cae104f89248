import Authoring
import Definitions
import Foundation
import Hilt
import Messages
import Text

/// The documents that are open, over the files of this machine.
struct Workspace {
  /// More open documents than this are not looked at.
  static let documentCountMax = 500

  enum Kind { case program, channel, other }

  /// One open document.
  struct Document {
    let address: String
    /// `nil` for a text that has no file yet.
    let path: String?
    let language: String
    var text: TextDocument
    /// What was found in the text as it is; `nil` after a change.
    var study: HiltStudy?
    /// The case whose values are shown: the first, unless one was chosen.
    var sample: String?
    /// Which turn of loops is shown; empty shows the last.
    var turns: [Int] = []
    /// What the text as it is gives for the sample.
    var trial: SampleTrial?
    /// Its problems must be looked for again.
    var isDirty = true

    var kind: Kind {
      if language == "hilt" || path?.hasSuffix(".hilt") == true { return .program }
      guard path?.hasSuffix(".yaml") == true || path?.hasSuffix(".yml") == true else { return .other }
      let keys: Set<Substring> = ["channel", "template", "instances"]
      let lines = text.text.split(whereSeparator: \.isNewline)
      return lines.contains { keys.contains($0.prefix { $0 != ":" }) } ? .channel : .other
    }
  }

  private(set) var documents: [String: Document] = [:]
  /// The document that was opened or changed last.
  private var changed = ""
  /// The folder of the project: what lies in it is shown without it.
  var root: String?
  /// The case that is shown of programs for which none was chosen.
  var sample: String?
  /// Makes what reads channel files; `nil` where they are not looked at.
  let channels: (@Sendable (_ root: String?, any DefinitionFiles) -> ChannelLoader?)?

  init(channels: (@Sendable (_ root: String?, any DefinitionFiles) -> ChannelLoader?)?) { self.channels = channels }

  // MARK: Documents

  mutating func open(_ address: String, language: String, _ text: String, version: Int) {
    guard documents.count < Self.documentCountMax || documents[address] != nil else { return }
    documents[address] = Document(
      address: address, path: FileAddress.path(address).map(RelativePath.normalized), language: language,
      text: TextDocument(text, version: version))
    changed = address
    touch(address)
  }

  mutating func close(_ address: String) {
    touch(address)
    documents[address] = nil
  }

  mutating func change(_ address: String, _ body: (inout TextDocument) -> Void) {
    guard var text = documents[address]?.text else { return }
    body(&text)
    documents[address]?.text = text
    changed = address
    touch(address)
  }

  mutating func choose(_ address: String, sample: String?, turns: [Int]?) {
    if let sample { documents[address]?.sample = sample }
    if let turns { documents[address]?.turns = turns }
    documents[address]?.trial = nil
  }

  mutating func forgetTrials() { for address in documents.keys { documents[address]?.trial = nil } }

  /// The cases of a program that have an input.
  func samples(_ address: String) -> [String] {
    documents[address]?.path.map { CaseSample.folders(of: $0).map(\.name) } ?? []
  }

  /// The document, and what reads it, must be looked at again.
  private mutating func touch(_ address: String) {
    let path = documents[address]?.path
    for (other, document) in documents {
      let reads = path.map { path in document.study?.reached.contains { self.path($0, of: document) == path } ?? false }
      if other == address || reads == true || document.kind == .channel { forget(other) }
    }
  }

  /// Files may have changed on the disk.
  mutating func touchAll() { for address in documents.keys { forget(address) } }

  private mutating func forget(_ address: String) {
    documents[address]?.study = nil
    documents[address]?.trial = nil
    documents[address]?.isDirty = true
  }

  /// The document whose problems must be looked for next: the one that was changed last, then programs, then channels.
  var nextDirty: String? {
    let dirty = documents.values.filter(\.isDirty)
    if dirty.contains(where: { $0.address == changed }) { return changed }
    return dirty.map { ($0.kind == .program ? 0 : 1, $0.address) }.min { $0 < $1 }?.1
  }

  mutating func clean(_ address: String) { documents[address]?.isDirty = false }

  // MARK: Files

  /// A path as problems show it.
  func shown(_ path: String) -> String {
    guard let root, path.hasPrefix(root + "/") else { return path }
    return String(path.dropFirst(root.count + 1))
  }

  /// The path of a file as it is shown.
  func path(_ shown: String) -> String { RelativePath.joined(root ?? "/", shown) }

  /// The path of a file as a program names it.
  func path(_ name: String, of document: Document) -> String {
    RelativePath.joined(document.path.map(RelativePath.folder) ?? root ?? "/", name)
  }

  /// How a document is called in its problems.
  func name(of document: Document) -> String {
    document.path.map(shown) ?? String(document.address.split(separator: "/").last ?? "untitled")
  }

  var open: [String: [UInt8]] {
    var texts: [String: [UInt8]] = [:]
    for document in documents.values { if let path = document.path { texts[path] = document.text.bytes } }
    return texts
  }

  func bytes(_ path: String) -> [UInt8]? {
    if let open = documents.values.first(where: { $0.path == path }) { return open.text.bytes }
    return try? OpenFiles(open: [:]).read(path, bytesMax: OpenFiles.fileBytesMax)
  }

  /// The address of a file: as the editor writes it, where it is open.
  func address(_ path: String) -> String {
    documents.values.first { $0.path == path }?.address ?? FileAddress.address(path)
  }

  /// A file as it is now: as it is open, or as it is on the disk.
  func text(_ path: String) -> TextDocument? {
    if let open = documents.values.first(where: { $0.path == path }) { return open.text }
    return bytes(path).flatMap { String(validating: $0, as: UTF8.self) }.map { TextDocument($0) }
  }

  // MARK: Programs

  /// What is known of an open program.
  mutating func study(_ address: String) -> HiltStudy? {
    guard let document = documents[address], document.kind == .program else { return nil }
    if let known = document.study { return known }
    let study = study(document, document.text.text)
    documents[address]?.study = study
    return study
  }

  /// What would be known of a program with another text.
  ///
  /// - Parameter open: what it sees of the files around it, by path, where they are not as on the disk.
  func study(
    _ document: Document, _ text: String, parameters: [String: Value] = [:], open: [String: [UInt8]]? = nil
  ) -> HiltStudy {
    let folder = document.path.map(RelativePath.folder) ?? root ?? "/"
    let files = OpenNeighbours(folder: folder, files: OpenFiles(open: open ?? self.open))
    return HiltStudy(text, file: name(of: document), parameters: parameters, files: files)
  }

  /// What an open program gives for its sample.
  mutating func trial(_ address: String) -> SampleTrial? {
    guard let document = documents[address], let path = document.path, let study = study(address) else { return nil }
    if let known = document.trial { return known }
    let chosen = document.sample ?? sample
    let folders = CaseSample.folders(of: path)
    guard let folder = folders.first(where: { $0.name == chosen }) ?? folders.first else { return nil }
    let trial = SampleTrial(folder, study) { self.study(document, document.text.text, parameters: $0).program }
    documents[address]?.trial = trial
    return trial
  }
}
