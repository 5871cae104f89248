import ConnectorKit
import Hilt
import Messages
import Synchronization

/// Compiles the Hilt of one channel file: its transforms, expressions and templates.
///
/// Every problem is shown where the text stands: in the transform's own file, or in the channel file with line and column shifted to
/// where the text begins.
final class HiltCompiling {
  /// No transform or table is larger.
  static let fileBytesMax = 16 << 20

  let source: SourceText
  private let files: any DefinitionFiles
  /// Gathered in the order in which they were found.
  private(set) var problems: [Problem] = []
  /// The texts of the transforms, by the name under which problems show them.
  private(set) var sources: [String: String] = [:]
  /// What was reached, by the path under which it was read.
  private(set) var reached: [Revision.File] = []

  init(source: SourceText, files: any DefinitionFiles) {
    self.source = source
    self.files = files
  }

  func add(_ problem: Problem) { problems.append(problem) }

  // MARK: - Transforms

  /// The program of a `transform:`; `nil` where it has an error.
  func program(_ setting: TransformSetting) -> HiltProgram? {
    switch setting.program {
    case .text(let text):
      let reading = ReachedFiles(folder: RelativePath.folder(of: source.file), files: files)
      let (program, found) = HiltProgram.compile(text, file: source.file, parameters: [:], files: reading)
      problems += found.map { shifted($0, to: source.contentStart(of: setting.place)) }
      reached += reading.files
      return program
    case .file(let path):
      return program(file: path, setting)
    }
  }

  private func program(file path: String, _ setting: TransformSetting) -> HiltProgram? {
    let path = RelativePath.joined(RelativePath.folder(of: source.file), path)
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
    let reading = ReachedFiles(folder: RelativePath.folder(of: path), files: files)
    let parameters = setting.parameters.compactMapValues(\.scalar)
    let (program, found) = HiltProgram.compile(text, file: path, parameters: parameters, files: reading)
    problems += found
    reached += reading.files
    return program
  }

  // MARK: - Expressions

  /// - Parameter format: what the expression is read from; only HL7 v2 has paths.
  func expression(_ hilt: HiltSource, over format: Format) -> HiltExpression? {
    let (expression, found) = HiltExpression.compile(hilt.source, file: source.file, hasMessage: format == .hl7v2)
    report(found, hilt.place, format)
    return expression
  }

  func template(_ text: String, at place: Place, over format: Format) -> HiltTemplate? {
    let (template, found) = HiltTemplate.compile(text, file: source.file, hasMessage: format == .hl7v2)
    report(found, place, format)
    return template
  }

  private func report(_ found: [Problem], _ place: Place, _ format: Format) {
    problems += found.map { shifted($0, to: source.contentStart(of: place)) }
  }

  // MARK: - Places

  /// A problem whose place counts from the beginning of a text within the channel file.
  private func shifted(_ problem: Problem, to start: Place) -> Problem {
    guard problem.place.file == source.file else { return problem }
    var problem = problem
    problem.place = shifted(problem.place, to: start)
    problem.fix = problem.fix.map { Problem.Fix(place: shifted($0.place, to: start), replacement: $0.replacement) }
    return problem
  }

  private func shifted(_ place: Place, to start: Place) -> Place {
    // Only a block keeps its indentation in every line; the other forms have one line.
    let isBlock = start.line > 0 && source.line(start.line).prefix(start.column - 1).allSatisfy { $0 == " " }
    var shifted = place
    shifted.line = start.line + place.line - 1
    shifted.column = place.line == 1 || isBlock ? start.column + place.column - 1 : place.column
    return shifted
  }
}

/// Gives a program the files that it names, and keeps what was given.
private final class ReachedFiles: HiltFiles {
  private let folder: String
  private let source: any DefinitionFiles
  private let given = Mutex<[Revision.File]>([])

  init(folder: String, files: any DefinitionFiles) {
    self.folder = folder
    self.source = files
  }

  var files: [Revision.File] { given.withLock { $0 } }

  func read(_ path: String) throws -> [UInt8] {
    let path = RelativePath.joined(folder, path)
    let bytes = try source.read(path, bytesMax: HiltCompiling.fileBytesMax)
    given.withLock { $0.append(Revision.File(path: path, bytes: bytes)) }
    return bytes
  }
}
