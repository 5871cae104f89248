import FHIR
import HL7
package import Messages

/// A program's text as an editor asks about it: what is wrong, what each name is, what stands at each place and what
/// may follow it. A text with mistakes is answered for as far as it can be read.
///
/// Places are bytes of UTF-8 in the program's own file, from 0.
package struct HiltStudy: Sendable {
  /// There unless a problem is an error, or the file is a library.
  package let program: HiltProgram?
  package let problems: [Problem]
  /// Every name that the program and the libraries that it imports give.
  package let names: [HiltName]
  /// Lookups in tables whose keys are written there.
  package let lookups: [HiltLookup]
  /// The files that it names itself: libraries, tables, its profile.
  package let files: [HiltFileName]
  /// What kind of file it is, and its own name.
  package let title: (isLibrary: Bool, name: String, range: Range<Int>)

  let source: Source
  let checker: Checker
  /// What stands at the places of the program's own file.
  private let learned: [(span: Span, Learned)]

  /// - Parameter parameters: values for its `param` lines.
  package init(
    _ text: String, file: String, parameters: [String: Value] = [:], files: any HiltFiles = NoHiltFiles()
  ) {
    let checked = HiltProgram.check(text, file, parameters, files, learns: true)
    program = checked.program
    checker = checked.checker
    problems = checked.checker.problems.sorted
    source = checked.checker.source
    let tree = checker.modules[0].tree
    title = (tree.isLibrary, tree.name.text, source.stretch(tree.name.span).bytes)
    var resolver = NameResolver(source, checker.modules)
    resolver.resolve()
    names = resolver.found
    lookups = resolver.lookups
    let texts = tree.imports.map(\.file) + tree.tables.map(\.file) + [tree.profile].compactMap(\.self)
    self.files = texts.map { [source] in HiltFileName(path: $0.text, range: source.stretch($0.span).bytes) }
    learned = (checker.learned ?? [:]).map { ($0.key, $0.value) }
      .sorted { ($0.0.start, $0.0.end) < ($1.0.start, $1.0.end) }
  }

  /// The program's own file, as its places name it.
  package var file: String { source.file }

  /// The files that were read for it, relative to the program's folder.
  package var reached: [String] { checker.reached.map(\.path) }

  // MARK: Names

  /// The name that is given or used at a place.
  package func name(at offset: Int) -> (name: HiltName, range: Range<Int>)? {
    for name in names {
      for stretch in [name.place] + name.uses
      where stretch.file == source.file && stretch.bytes.lowerBound <= offset && offset <= stretch.bytes.upperBound {
        return (name, stretch.bytes)
      }
    }
    return nil
  }

  /// The names that can be used at a place, the innermost last.
  package func visible(at offset: Int) -> [HiltName] {
    names.filter { $0.isVisible(at: offset, in: source.file) }
  }

  // MARK: Places

  /// What stands at a place: of `PID-5.1` the segment, the field or the component, whichever is there.
  package func meaning(at offset: Int) -> (meaning: HiltMeaning, range: Range<Int>)? {
    let found = learned.filter {
      $0.1.part.start <= offset && offset <= $0.1.part.end && $0.1.part.start < $0.1.part.end
    }
    // At the border of two steps the later one is meant.
    let best = found.min { a, b in
      let (one, other) = (a.1.part, b.1.part)
      return (one.end - one.start, -Int(one.start)) < (other.end - other.start, -Int(other.start))
    }
    return best.map { (HiltMeaning($0.1.cursor, checker), Int($0.1.part.start)..<Int($0.1.part.end)) }
  }

  /// What the longest path is that ends at a place.
  package func meaning(endingAt offset: Int) -> HiltMeaning? {
    learned.first { $0.span.end == offset }.map { HiltMeaning($0.1.cursor, checker) }
  }

  /// DICOM comes in.
  package var readsDICOM: Bool { checker.readsDICOM }

  /// The message that comes in; `nil` where its places have no names.
  package var root: HiltMeaning? {
    if title.isLibrary { return nil }
    if checker.readsDICOM {
      var meaning = HiltMeaning(title: "msg", summary: "")
      meaning.describeDataSet(isObject: true)
      return meaning
    }
    return checker.hasMessage ? HiltMeaning(message: .input, checker) : nil
  }

  /// What a name means, as far as the checker found out.
  package func meaning(of name: HiltName) -> HiltMeaning? {
    guard name.place.file == source.file else { return nil }
    let found = learned.first {
      $0.span == $0.1.part && Int($0.span.start) == name.place.bytes.lowerBound
        && Int($0.span.end) == name.place.bytes.upperBound
    }
    return found.map { HiltMeaning($0.1.cursor, checker) }
  }

  /// The type of FHIR that a record without a name is, by the place of its brace.
  package func recordType(at brace: Int) -> String? {
    let found = learned.first { $0.span == Span(brace, brace + 1) }
    guard case .value(let value)? = found?.1.cursor, case .fhir(let kind) = value.type else { return nil }
    return kind.name
  }

  /// The types of records that the program can make, or ask for.
  package var recordTypes: [String] {
    if checker.readsDICOM, checker.outputs.allSatisfy({ $0.format == .dicom }) { return ["PN"] }
    let formats = ([checker.input] + checker.outputs).compactMap { $0?.format }
    let fhir = formats.contains(.fhir) ? FHIRTables.resourceNames + FHIRTables.typeNames : []
    return formats.contains(.hl7v2) || fhir.isEmpty ? HL7Tables.typeNames + fhir : fhir
  }

  /// The parts of a segment or data type: what stands before the colons of `PID { … }` and `XPN { … }`.
  package func parts(of type: String) -> [HiltMember] {
    type == "PN" && checker.knowsDICOM ? HiltMeaning.nameParts : HiltMeaning.parts(of: type, checker)
  }
}

/// What the checker found at a stretch of the text.
struct Learned: Sendable {
  /// The name or the step alone.
  var part: Span
  var cursor: Cursor
}

extension Checker {
  /// Keeps what a stretch of the text stands for.
  ///
  /// - Parameters:
  ///   - whole: the path up to here.
  ///   - part: its last step.
  mutating func learn(_ cursor: Cursor, _ whole: Span, _ part: Span) {
    // Of libraries nothing is asked here.
    guard learned != nil, Int(whole.end) <= source.bytes.count else { return }
    if case .broken = cursor { return }
    learned?[whole] = Learned(part: part, cursor: cursor)
  }
}
