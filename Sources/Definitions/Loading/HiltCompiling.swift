import ConnectorKit
import Hilt
import Messages
import Synchronization
import Text

/// Compiles the Hilt of one channel file: its transforms, expressions and templates.
///
/// Every problem is shown where the text stands: in the transform's own file, or in the channel file with line and
/// column shifted to where the text begins.
final class HiltCompiling {
  /// No transform or table is larger.
  static let fileBytesMax = 16 << 20

  /// The texts of the files that settings stand in, by file.
  private let texts: [String: SourceText]
  /// Where a parameter stands in the midst of a text and its value could change what Hilt around it means.
  private let unsafe: [Place: (name: String, given: Place)]
  private let files: any DefinitionFiles
  private let keyPlaces: KeyPlaces
  /// Gathered in the order in which they were found.
  private(set) var problems: [Problem] = []
  /// The texts of the transforms, by the name under which problems show them.
  private(set) var sources: [String: String] = [:]
  /// What was reached, by the path under which it was read.
  private(set) var reached: [Revision.File] = []

  init(source: WrittenChannel, files: any DefinitionFiles, keyPlaces: KeyPlaces) {
    self.keyPlaces = keyPlaces
    texts = source.texts
    unsafe = source.unsafe
    self.files = files
  }

  private func contentStart(of place: Place) -> Place { texts[place.file]?.contentStart(of: place) ?? place }

  /// Reports a value that stands in the midst of Hilt and could be taken for a part of it; what comes of that is not
  /// looked at.
  private func isSafe(_ place: Place) -> Bool {
    guard let (name, given) = unsafe[place] else { return true }
    var problem = Problem(
      "C163",
      "the value of `\(name)` holds a quote, a backslash, a brace or a line break, which would mean something in Hilt",
      at: given,
      help: ["another value", "a parameter of a transform takes any text: with: {\(name): \"${\(name)}\"}"])
    problem.notes.append("stands in the midst of \(place)")
    if !problems.contains(problem) { problems.append(problem) }
    return false
  }

  func add(_ problem: Problem) { problems.append(problem) }

  // MARK: - Transforms

  /// The program of a `transform:`; `nil` where it has an error.
  func program(_ setting: TransformSetting) -> HiltProgram? {
    switch setting.program {
    case .text(let text):
      let file = setting.place.file
      let reading = ReachedFiles(folder: RelativePath.folder(of: file), files: files, keys: [:])
      guard isSafe(setting.place) else { return nil }
      let (program, found) = HiltProgram.compile(
        inPlace(text, at: contentStart(of: setting.place)), file: file, files: reading)
      keep(reading, found)
      return program
    case .file(let path):
      return program(file: path, setting)
    }
  }

  private func program(file path: String, _ setting: TransformSetting) -> HiltProgram? {
    let path = RelativePath.joined(RelativePath.folder(of: setting.place.file), path)
    let bytes: [UInt8]
    do {
      bytes = try files.read(path, bytesMax: Self.fileBytesMax)
    } catch {
      problems.append(
        Problem(
          "C123", "the transform \(path) \(error)", at: setting.place,
          help: ["paths are relative to the folder of the file that names them"]))
      return nil
    }
    reached.append(Revision.File(path: path, bytes: bytes))
    guard let text = String(validating: bytes, as: UTF8.self) else {
      problems.append(Problem("C118", "the transform \(path) is not text in UTF-8", at: setting.place))
      return nil
    }
    sources[path] = text
    let keys = Dictionary(uniqueKeysWithValues: setting.keys.map { ($0, keyPlaces.key($0, $1.secret)) })
    problems += setting.keys.values.compactMap { keyPlaces.problem($0) }
    let reading = ReachedFiles(folder: RelativePath.folder(of: path), files: files, keys: keys)
    let parameters = setting.parameters.compactMapValues(\.scalar).mapValues { Value.text($0) }
    let (program, found) = HiltProgram.compile(text, file: path, parameters: parameters, files: reading)
    keep(reading, found)
    return program
  }

  /// Keeps what a program reached, and its problems under the names of the files as they were read.
  private func keep(_ reading: ReachedFiles, _ found: [Problem]) {
    for file in reading.files {
      reached.append(Revision.File(path: file.path, bytes: file.bytes))
      sources[file.path] = sources[file.path] ?? String(validating: file.bytes, as: UTF8.self)
    }
    problems += found
  }

  /// The text with as many lines before it, and spaces before its lines, as stand there in the channel file: its
  /// problems have the right places then, those of a run too.
  private func inPlace(_ text: String, at start: Place) -> String {
    String(repeating: "\n", count: start.line - 1) + indentation(start) + indented(text, at: start)
  }

  /// The text of a block with the indentation of its lines, which YAML took away; the first line's is left to who
  /// places it.
  private func indented(_ text: String, at start: Place) -> String {
    // Spaces would become part of a text that goes over several lines.
    guard !indentation(start).isEmpty, !text.contains("<<") else { return text }
    return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .joined(separator: "\n" + indentation(start))
  }

  /// What stands before the content of a block in its first line; nothing for content that begins behind a key.
  private func indentation(_ start: Place) -> String {
    let before = texts[start.file]?.line(start.line).prefix(start.column - 1) ?? ""
    return before.allSatisfy { $0 == " " } ? String(before) : ""
  }

  // MARK: - Expressions

  // What an expression is read from is given as a format: only HL7 v2 has paths.

  /// A condition on what is sent.
  func condition(_ hilt: HiltSource, over format: Format) -> HiltCondition? {
    guard isSafe(hilt.place) else { return nil }
    let context = context(hilt.place, format, hasOriginal: true)
    let (condition, found) = HiltCondition.compile(indented(hilt.source, at: context.place), context)
    problems += found
    return condition
  }

  /// A value of what came in, or of what is sent, beside which there is an `original`.
  func value(_ hilt: HiltSource, over format: Format, hasOriginal: Bool = false) -> HiltValue? {
    guard isSafe(hilt.place) else { return nil }
    let context = context(hilt.place, format, hasOriginal: hasOriginal)
    let (value, found) = HiltValue.compile(indented(hilt.source, at: context.place), context)
    problems += found
    return value
  }

  /// A template by which messages are told apart, over what came in, or over what comes to a destination.
  func keyTemplate(
    _ text: String, at place: Place, over format: Format, hasOriginal: Bool = false
  ) -> HiltTemplate? {
    let template = template(text, context(place, format, hasOriginal: hasOriginal), at: place)
    guard template?.isLiteral == true else { return template }
    problems.append(
      Problem(
        "C106", "nothing of the message is in this, and it is the same for each", at: place,
        help: ["what stands in braces is a value: \"{\(text)}\""]))
    return nil
  }

  /// A template of a destination's settings, over what is sent: its delivery can be numbered.
  func sentTemplate(_ text: String, at place: Place, over format: Format) -> HiltTemplate? {
    var context = context(place, format, hasOriginal: true)
    context.givesNumbers = true
    return template(text, context, at: place)
  }

  private func template(_ text: String, _ context: HiltExpressionContext, at place: Place) -> HiltTemplate? {
    guard isSafe(place) else { return nil }
    let (template, found) = HiltTemplate.compile(text, context)
    problems += found
    return template
  }

  private func context(_ place: Place, _ format: Format, hasOriginal: Bool) -> HiltExpressionContext {
    HiltExpressionContext(format: format, hasOriginal: hasOriginal, place: contentStart(of: place))
  }
}

/// Gives a program the files that it names, and keeps what was given.
private final class ReachedFiles: HiltFiles {
  struct File: Sendable {
    var path: String
    var bytes: [UInt8]
  }

  private let folder: String
  private let source: any DefinitionFiles
  private let keys: [String: HiltKey]
  private let given = Mutex<[File]>([])

  init(folder: String, files: any DefinitionFiles, keys: [String: HiltKey]) {
    self.folder = folder
    self.source = files
    self.keys = keys
  }

  func key(_ name: String) -> HiltKey? { keys[name] }
  var keyNames: [String] { keys.keys.sorted() }

  var files: [File] { given.withLock { $0 } }

  func read(_ written: String) throws -> [UInt8] {
    let path = RelativePath.joined(folder, written)
    let bytes = try source.read(path, bytesMax: HiltCompiling.fileBytesMax)
    given.withLock { $0.append(File(path: path, bytes: bytes)) }
    return bytes
  }

  func profile(_ bytes: [UInt8], file: String) -> HiltProfile.Reading { ProfileReader.read(bytes, file: file) }
}
