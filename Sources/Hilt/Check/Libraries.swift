import Messages
import Text

/// The libraries that a program imports, read and parsed before anything is checked: each file once, those that a
/// library imports itself before it.
struct Libraries {
  /// Imports in one another: more is refused (E104).
  static let depthMax = 16
  /// Files of one program.
  static let countMax = 64

  struct Library {
    var tree: ProgramTree
    /// As the problems show it, and where the tables that it names are looked for: beside it.
    var path: String
    /// Which libraries it imports itself, for each of its import lines; `nil` for one that can't be read.
    var imports: [Int?]
  }

  private let files: any HiltFiles
  private(set) var source: Source
  private(set) var problems: Problems
  private(set) var all: [Library] = []
  private(set) var reached: [HiltReachedFile] = []
  /// What is being read, outermost first.
  private var open: [String] = []

  init(_ source: Source, problems: Problems, files: any HiltFiles) {
    self.source = source
    self.problems = problems
    self.files = files
  }

  /// Reads what a file imports.
  ///
  /// - Parameter path: the file itself, relative to the folder of the program; empty for the program.
  mutating func load(_ imports: [ImportClause], of path: String) -> [Int?] {
    imports.map { load($0.file, RelativePath.joined(RelativePath.folder(of: path), $0.file.text)) }
  }

  private mutating func load(_ file: TextLiteral, _ path: String) -> Int? {
    if let known = all.firstIndex(where: { $0.path == path }) { return known }
    guard !open.contains(path) else {
      problems.report(
        .circle, "the libraries import each other in a circle: \((open + [path]).joined(separator: " → "))",
        at: file.span)
      return nil
    }
    guard open.count < Self.depthMax, all.count < Self.countMax else {
      problems.report(
        .depth, "a program imports at most \(Self.countMax) libraries, at most \(Self.depthMax) deep", at: file.span)
      return nil
    }
    let text: String
    do {
      let bytes = try files.read(path)
      guard bytes.count <= Source.bytesMax else {
        problems.report(.size, "a library has at most \(Source.bytesMax >> 20) MiB", at: file.span)
        return nil
      }
      guard let read = String(validating: bytes, as: UTF8.self) else {
        problems.report(.library, "the library '\(path)' is not text in UTF-8", at: file.span)
        return nil
      }
      reached.append(HiltReachedFile(path: path, bytes: bytes))
      text = read
    } catch {
      problems.report(.library, "the library '\(path)' can't be read: \(error)", at: file.span)
      return nil
    }
    open.append(path)
    defer { open.removeLast() }
    guard let tree = parse(text, path) else {
      problems.report(
        .library, "'\(path)' is no library: its first word is not 'library'", at: file.span, help: ["library name"])
      return nil
    }
    guard tree.isLibrary else {
      problems.report(
        .library, "'\(path)' is no library: its first line says 'transform'", at: file.span,
        help: ["library \(tree.name.text)"])
      return nil
    }
    let imports = load(tree.imports, of: path)
    all.append(Library(tree: tree, path: path, imports: imports))
    return all.count - 1
  }

  private mutating func parse(_ text: String, _ path: String) -> ProgramTree? {
    let shown = RelativePath.joined(RelativePath.folder(of: source.file), path)
    let base = source.add(text, file: shown)
    problems.source = source
    var found = Problems(Source(text, file: shown))
    let tokens = Lexer.tokens(of: found.source, problems: &found).map { $0.shifted(by: base) }
    // Of what is no program at all one problem is enough: that it is none.
    guard let first = tokens.first, ["library", "transform"].contains(source.text(first.span)) else { return nil }
    for problem in found.all { problems.add(problem) }
    var parser = Parser(source, tokens: tokens, problems: problems)
    let tree = parser.program()
    problems = parser.problems
    return tree
  }
}
