import Authoring
import HL7
import Hilt
import Messages
import Text

/// What a program's lines give for a sample message. It is shown in the editor and nowhere else: it holds what stands
/// in the message.
struct SampleTrial: Sendable {
  /// Longer values are cut in the margin.
  static let valueLengthMax = 60

  let name: String
  let sample: CaseSample?
  private let result: HiltResult?
  /// Why there are no values.
  let trouble: String?

  /// - Parameter compile: gives the program with values for its parameters.
  init(_ folder: CaseFolder, _ study: HiltStudy, compile: ([String: Value]) -> HiltProgram?) {
    name = folder.name
    do {
      let sample = try CaseSample(folder)
      self.sample = sample
      let given = sample.parameters(of: study)
      let program = given.isEmpty ? study.program : compile(given)
      result = program.flatMap { sample.traced($0) }
      trouble = program != nil && result == nil ? "the transform does not take this message" : nil
    } catch {
      (sample, result) = (nil, nil)
      trouble = "\(error)"
    }
  }

  /// How the message ended.
  var outcome: String? { result.map { CaseSample.outcome($0) } }
  var emittedCount: Int { result?.emitted.count ?? 0 }

  /// Where the run failed, and why.
  var failure: (line: Int, text: String)? {
    guard case .failed(let failure) = result?.decision else { return nil }
    return (failure.problem.place.line, failure.problem.message)
  }

  /// What each line gave, from 1: of a loop the value of the turn that is asked for, else the last one's, and how many
  /// turns there were.
  func values(_ turns: [Int]) -> [Int: (text: String, count: Int)] {
    let all = Dictionary(grouping: result?.trace ?? [], by: \.line)
    var values: [Int: (text: String, count: Int)] = [:]
    for (line, entries) in all {
      let picked = entries.filter { zip(turns, $0.turns).allSatisfy { $0 == $1 } }
      if let last = picked.last { values[line] = (Self.shown(last.text), entries.count) }
    }
    return values
  }

  /// What the sample holds at a path.
  func value(at path: HL7Path) -> String? {
    guard let message = sample?.message else { return nil }
    let piece = message.piece(at: path)
    switch piece.presence {
    case .absent: return "absent"
    case .null: return "null"
    case .valued: return Self.shown((try? message.charset.decode(piece.bytes)) ?? "bytes that are no text")
    }
  }

  /// One line, and nothing in it that could be taken for more than text.
  static func shown(_ text: String) -> String {
    let line = String(text.map { $0.isNewline ? "⏎" : $0 }.filter { !$0.unicodeScalars.contains { $0.value < 0x20 } })
    return line.count > valueLengthMax ? line.prefix(valueLengthMax) + "…" : line
  }
}

extension CaseSample {
  /// What the case gives for the parameters that a program has.
  func parameters(of study: HiltStudy) -> [String: Value] {
    let names = study.names.filter { $0.kind == .parameter }.map(\.text)
    return parameters.filter { names.contains($0.key) }
  }
}
