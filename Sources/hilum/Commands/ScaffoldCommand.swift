import ArgumentParser
import Authoring
import Foundation
import HL7

struct ScaffoldCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scaffold", abstract: "Drafts of transforms from published guides.",
    subcommands: [V2ToFHIRCommand.self])
}

struct V2ToFHIRCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "v2-to-fhir",
    abstract: "A transform to FHIR R4 for one message structure, from the HL7 v2-to-FHIR guide.",
    discussion: """
      Writes the transform and its tables of codes into a folder and says what of the guide can't be read, row by row.
      The draft is yours to change: what the guide leaves open stands in it as comments. Without a structure it lists
      those that the guide covers.

      Example:
        hilum scaffold v2-to-fhir
        hilum scaffold v2-to-fhir ORU_R01
        hilum scaffold v2-to-fhir ADT_A01 --hl7 2.8 --write Transforms
      """)
  @Argument(help: "The structure: ORU_R01.") var structure: String?
  @Option(help: "The version of the messages.") var hl7 = "2.5.1"
  @Option(help: "The folder that the draft is written to.") var write = "Transforms"
  @Flag(help: "Replace files that are there.") var force = false

  func run() throws {
    guard let given = structure else { return Terminal.line(GuideTables.structures.joined(separator: "\n")) }
    let structure = given.uppercased().replacing("^", with: "_")
    guard GuideTables.structures.contains(structure) else {
      // People name messages by their event: A04 is an ADT_A01.
      let parts = structure.split(separator: "_").map(String.init)
      let event = parts.first.flatMap { HL7Events.structure(code: $0, event: parts.last, version: hl7) }
      if let event, GuideTables.structures.contains(event) {
        throw Failure("\(given) has the structure \(event): hilum scaffold v2-to-fhir \(event)", code: 2)
      }
      throw Failure(
        "The guide has no map of \(given); it has \(GuideTables.structures.joined(separator: ", ")).", code: 2)
    }
    guard let draft = TransformDraft(of: structure, version: hl7) else {
      throw Failure("HL7 \(hl7) has no structure \(structure), or is no version: say another one with --hl7.", code: 2)
    }
    let program = ("\(write)/\(draft.name.replacing("_", with: "-")).hilt", draft.text)
    let tables = draft.files.map { ("\(write)/\($0.path)", $0.text) }
    // Drafts share tables, which somebody may have added to since: one with the same columns stays as it is.
    let kept = force ? [] : Set(tables.filter { Self.hasColumns($0.0, of: $0.1) }.map(\.0))
    let files = ([program] + tables).filter { !kept.contains($0.0) }
    if !force, let there = files.first(where: { FileManager.default.fileExists(atPath: $0.0) }) {
      throw Failure("\(there.0) is there already: say another folder with --write, or --force to replace it.", code: 2)
    }
    do {
      for (path, text) in files {
        try ProgramFiles.write(path, Array(text.utf8))
        Terminal.line(path)
      }
    } catch { throw Failure("\(error)") }
    for path in kept.sorted() { Terminal.line("\(path) is there already, and stays as it is") }
    if !draft.malformed.isEmpty { Terminal.line("Conditions of the guide that can't be read, and so are left open:") }
    for problem in draft.malformed {
      Terminal.line("  \(problem.place): \(problem.reason)\n    \(problem.text)")
    }
    Terminal.line(
      "\(draft.draftedCount) rows of the guide drafted, \(draft.openCount) left open (comments in the draft), "
        + "\(draft.malformed.count) conditions that can't be read")
    let library = "\(write)/lib/v2fhir.hilt"
    if !FileManager.default.fileExists(atPath: library) {
      Terminal.line(
        "The draft imports \(library), which isn't there: copy lib/v2fhir.hilt and the folder lib/v2fhir from Hilum's "
          + "Transforms into \(write)/lib.")
    }
  }

  /// Whether a table is there whose first line is that of another.
  private static func hasColumns(_ path: String, of text: String) -> Bool {
    let first = { (text: String) in text.prefix { !$0.isNewline } }
    return (try? ProgramFiles.text(path)).map { first($0) == first(text) } ?? false
  }
}
