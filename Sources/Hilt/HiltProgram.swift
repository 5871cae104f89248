import DICOM
import FHIR
import HL7
package import Messages
import Text

/// A transform, checked and compiled: what it takes, what it gives, where it sends, and how to run it.
package struct HiltProgram: Sendable {
  /// `in hl7 2.3..2.6 ADT_*`, or one `out`.
  package struct FormatClause: Sendable, Hashable {
    package let format: Format
    /// `2.3`; `nil` for any version.
    package let versionFrom: String?
    /// The same as `versionFrom` where one version is named.
    package let versionUpTo: String?
    /// `ADT_A01`, or `ADT_*` for every structure of that kind. Empty: any.
    package let structures: [String]
    /// How `delimited` is written.
    var layout = DelimitedLayout()
    /// Of `text` and `delimited`.
    var charset = Charset.utf8

    /// How lines of fields are read; `nil` for another format.
    package var delimited: DelimitedLayout? { format == .delimited ? layout : nil }

    /// Those that the tables know of them.
    var versions: HL7Versions? { versionFrom.flatMap { from in HL7Versions(from, upTo: versionUpTo ?? from) } }
  }

  /// A decision about a delivery: `done`.
  package struct ReplyDecision: Sendable, Hashable {
    package let word: String
    package let place: Place
  }

  package let name: String
  package let input: FormatClause
  package let outputs: [FormatClause]
  /// The zone of times without an offset, such as `Europe/London`.
  package let zone: String?
  /// The destinations that it names, each place once; `emit` without `to` names none.
  package let destinations: [HiltDestinationUse]
  /// Its parameters of type text with their values: what was given, else their defaults.
  package let parameters: [String: String]
  /// The files it read while it was compiled: with the program's own text they are its revision.
  package let files: [HiltReachedFile]
  /// It reads a partner's answer and says what that means: a program for `reply:`.
  package var isReply: Bool { replyDecision != nil }
  /// The first decision about a delivery, which makes it a reply transform.
  package let replyDecision: ReplyDecision?
  /// Where it first answers a sender who waits.
  package let answerPlace: Place?
  /// Where it first emits without saying where to.
  package let openEmitPlace: Place?

  /// The text it was compiled from, line by line as its problems and traces count them.
  package var text: String { String(decoding: source.bytes, as: UTF8.self) }
  /// The text of the file in which a place lies: the program's own, or that of a library.
  package func text(of place: Place) -> String { source.text(ofFile: place.file) ?? text }

  private let source: Source
  private let layout: Run.Layout
  private let statementSpans: [Span]
  private let body: [Executable]

  /// Checks and compiles a program with the libraries that it imports. The program is there unless a problem is an
  /// error; a library alone is checked and gives none.
  ///
  /// - Parameters:
  ///   - source: the text of the program.
  ///   - file: the name under which its problems are shown.
  ///   - parameters: values for its `param` lines.
  ///   - files: where its libraries, tables and profile come from.
  package static func compile(
    _ source: String, file: String, parameters: [String: Value] = [:], files: any HiltFiles = NoHiltFiles()
  ) -> (program: HiltProgram?, problems: [Problem]) {
    let checked = check(source, file, parameters, files)
    return (checked.program, checked.checker.problems.sorted)
  }

  /// - Parameter learns: the checker also keeps what stands at each place of the text.
  static func check(
    _ text: String, _ file: String, _ parameters: [String: Value], _ files: any HiltFiles, learns: Bool = false
  ) -> (program: HiltProgram?, checker: Checker) {
    let source = Source(text, file: file)
    var problems = Problems(source)
    guard source.bytes.count <= Source.bytesMax else {
      problems.report(.size, "a program has at most \(Source.bytesMax >> 20) MiB", at: Span(0, 1))
      return (nil, Checker(source, files: files, problems: problems))
    }
    let tokens = Lexer.tokens(of: source, problems: &problems)
    var parser = Parser(source, tokens: tokens, problems: problems)
    let tree = parser.program()
    var libraries = Libraries(source, problems: parser.problems, files: files)
    let imports = libraries.load(tree.imports, of: "")
    var checker = Checker(libraries.source, files: files, problems: libraries.problems)
    checker.reached = libraries.reached
    if learns { checker.learned = Dictionary(minimumCapacity: tokens.count) }
    let own = Libraries.Library(tree: tree, path: "", imports: imports)
    checker.modules = ([own] + libraries.all).map { file in
      // The program itself stands before its libraries.
      Module(tree: file.tree, path: file.path, imports: file.imports.map { $0.map { $0 + 1 } })
    }
    let program = checker.program(tree, parameters)
    return (checker.problems.hasErrors || tree.isLibrary ? nil : program, checker)
  }

  init(
    _ tree: ProgramTree, input: FormatClause, outputs: [FormatClause], body: [Executable], checker: Checker
  ) {
    name = tree.name.text
    self.input = input
    self.outputs = outputs
    zone = tree.zone?.text
    destinations = checker.destinations
    parameters = checker.parameterTexts
    files = checker.reached
    replyDecision = tree.replyDecision.map {
      ReplyDecision(word: $0.text, place: checker.source.place(of: $0.span))
    }
    answerPlace = checker.firstAnswer.map { checker.source.place(of: $0) }
    openEmitPlace = checker.firstOpenEmit.map { checker.source.place(of: $0) }
    source = checker.source
    layout = checker.layout
    statementSpans = checker.statementSpans
    self.body = body
  }

  /// The addresses of the namespaces of XML that its head names.
  package var namespaces: [String] {
    let source = Source(text, file: source.file)
    var problems = Problems(source)
    let tokens = Lexer.tokens(of: source, problems: &problems)
    var parser = Parser(source, tokens: tokens, problems: problems)
    let tree = parser.program()
    return ([tree.input].compactMap(\.self) + tree.outputs).flatMap(\.namespaces).map(\.address.text)
  }

  /// The line of each statement, by the statement's number.
  package var statementLines: [Int] { statementSpans.map { source.line(of: Int($0.start)) } }

  /// Runs the program over one message. It never throws, never traps and always comes to an end.
  ///
  /// - Parameters:
  ///   - tracing: also keep what each statement gave.
  ///   - observing: also keep which statements ran, and which wrote what.
  package func run(_ input: HiltInput, tracing: Bool = false, observing: Bool = false) -> HiltResult {
    let run = Run(input, layout: layout, tracing: tracing, observing: observing)
    var decision: HiltDecision
    do {
      if let refusal = try read(input, run) { return result(.rejected(refusal), run, input) }
      for statement in body { try statement.execute(run) }
      decision = .routed
      // Nothing follows the hold that a person released: it stays.
      if let reason = run.passedHold, run.emitted.isEmpty { decision = .held(reason: reason) }
    } catch Interrupt.ended(let ending) {
      decision = self.decision(ending)
    } catch Interrupt.failure(let failure) {
      decision = .failed(failed(failure))
    } catch {
      decision = .failed(failed(Failure(.stopping, "the run ended for a reason of its own", at: Span(0, 1))))
    }
    // The checker has seen to it that every path of a reply transform decides; where one doesn't, nothing has arrived.
    if case .routed = decision, isReply {
      decision = .failed(failed(Failure(.stopping, .noOutcome, "the reply transform made no decision", at: Span(0, 1))))
    }
    return result(decision, run, input)
  }

  /// Reads a message of FHIR or JSON. What is JSON and not the resource that is wanted is not expected here.
  private func document(_ input: HiltInput, _ run: Run) throws -> HiltRejection? {
    let what = self.input.format == .json ? "JSON" : "FHIR in JSON"
    try run.step(bytes: input.bytes.count, at: Span(0, 1))
    let document: JSONDocument
    do throws(JSONError) {
      document = try JSONDocument(input.bytes)
    } catch {
      return HiltRejection(code: "AR", number: 207, reason: "this is no \(what) that can be read: \(error)", path: nil)
    }
    run.content = Datum(json: document.root)
    guard self.input.format == .fhir else { return nil }
    let wanted = self.input.structures
    guard let type = run.content.resourceType, wanted.contains(type) else {
      let known = run.content.resourceType.flatMap { FHIRTables.isResource($0) ? "a resource of type \($0)" : nil }
      return HiltRejection(
        code: "AR", number: 200,
        reason: "this channel takes \(wanted.joined(separator: ", ")), and this is \(known ?? "no resource of R4")",
        path: nil, isUnexpected: true)
    }
    let issues = FHIRValidation.issues(document)
    guard let first = issues.first else { return nil }
    let others = issues.count > 1 ? ", and \(issues.count - 1) more" : ""
    return HiltRejection(
      code: "AE", number: 207,
      reason: "this is no \(type) of R4: line \(first.line), column \(first.column): \(first.expression): \(first.text)"
        + others, path: first.expression, isUnexpected: true)
  }

  private func element(_ input: HiltInput, _ run: Run) throws -> HiltRejection? {
    try run.step(bytes: input.bytes.count, at: Span(0, 1))
    do throws(XMLError) {
      run.content = .element(try XMLDocument(input.bytes).root)
      return nil
    } catch {
      return HiltRejection(code: "AR", number: 207, reason: "this is no XML that can be read: \(error)", path: nil)
    }
  }

  /// Reads an object of DICOM. What it costs is its elements: pixels are passed over.
  private func object(_ input: HiltInput, _ run: Run) throws -> HiltRejection? {
    try run.step(at: Span(0, 1))
    do throws(DICOMError) {
      let object = if let known = input.dicom { known } else { try DICOMObject(input.bytes) }
      run.readObject = object
    } catch {
      return HiltRejection(
        code: "AR", number: Int(DIMSEStatus.cannotUnderstand.code),
        reason: "this is no DICOM that can be read: \(error)", path: nil, isDIMSE: true)
    }
    try run.step(bytes: (run.readObject?.dataSet.entryCount ?? 0) << 4, at: Span(0, 1))
    return nil
  }

  /// Makes ready what is read at once and not place by place: a file of lines, a text.
  private func read(_ input: HiltInput, _ run: Run) throws -> HiltRejection? {
    do {
      switch self.input.format {
      case .delimited:
        try run.step(bytes: self.input.layout.cost(of: input.bytes) << 6, at: Span(0, 1))
        run.content = try self.input.layout.rows(of: input.bytes, self.input.charset)
      case .text: run.content = .text(try self.input.charset.decode(input.bytes[...]))
      case .bytes: run.content = .bytes(input.bytes)
      case .fhir, .json: return try document(input, run)
      case .xml: return try element(input, run)
      case .dicom: return try object(input, run)
      default: break
      }
      return nil
    } catch let interrupt as Interrupt {
      throw interrupt
    } catch {
      let what = self.input.format == .delimited ? "file of lines" : self.input.format.rawValue
      return HiltRejection(
        code: "AR", number: 207,
        reason:
          "this is no \(what) that can be read: \(error)",
        path: nil)
    }
  }

  private func result(_ decision: HiltDecision, _ run: Run, _ input: HiltInput) -> HiltResult {
    HiltResult(
      decision: decision, emitted: decision.sends ? run.emitted : [],
      notes: run.notes.map { HiltNote(text: $0.text, place: source.place(of: $0.span)) },
      steps: min(input.limits.stepsMax, input.limits.stepsMax - run.stepsLeft),
      trace: (run.trace ?? []).map {
        HiltTraceEntry(line: source.line(of: Int($0.span.start)), turns: $0.turns, text: $0.text)
      }, statements: run.observed?.statements ?? [],
      origins: decision.sends ? (run.observed?.origins ?? []).map { $0.resolved(source) } : [],
      standIns: decision.sends ? run.standIns.list : [])
  }

  private func decision(_ ending: Ending) -> HiltDecision {
    switch ending {
    case .dropped(let reason): .dropped(reason: reason)
    case .held(let reason): .held(reason: reason)
    case .done: .done
    case .retry(let reason): .retry(reason: reason)
    case .dead(let reason): .dead(reason: reason)
    case .answered(let answer): .answered(answer)
    case .rejected(let code, let number, let reason, let path):
      .rejected(
        HiltRejection(code: code, number: number, reason: reason, path: path, isDIMSE: input.format == .dicom))
    case .failed(let reason, let span):
      .failed(
        HiltFailure(
          problem: Problem(Code.failed.rawValue, reason, at: source.place(of: span)), path: nil,
          isDecision: true))
    }
  }

  private func failed(_ failure: Failure) -> HiltFailure { HiltFailure(failure, source) }
}

extension HiltFailure {
  init(_ failure: Failure, _ source: Source) {
    self.init(
      problem: Problem(
        failure.code.rawValue, failure.message, at: source.place(of: failure.span), help: failure.help),
      path: failure.path, isDecision: false)
  }
}
