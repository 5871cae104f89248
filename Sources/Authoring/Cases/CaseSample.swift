import Definitions
import Engine
import Foundation
package import HL7
package import Hilt
package import Messages

/// A case's input, as an editor shows beside a program what its lines give for it.
package struct CaseSample: Sendable {
  /// A larger input is for `hilum try`: an editor waits for no message.
  package static let inputBytesMax = 1 << 20
  private static let limits = HiltLimits(stepsMax: 500_000, outputBytesMax: 8 << 20)

  package let folder: CaseFolder
  /// What the case gives for the program's `param` lines.
  package let parameters: [String: Value]
  /// The input, where it is a message of HL7.
  package let message: HL7Message?
  private let input: (name: String, bytes: [UInt8])
  private let settings: CaseSettings
  private let beside: (original: HL7Message?, sent: HL7Message?)

  /// The cases of a program that have an input, by name.
  package static func folders(of program: String) -> [CaseFolder] {
    CaseFolder.cases(of: program).filter { $0.names().contains { $0.hasPrefix("in.") } }
  }

  package init(_ folder: CaseFolder) throws {
    self.folder = folder
    settings = try CaseSettings(folder)
    parameters = settings.parameters
    input = try folder.input()
    guard input.bytes.count <= Self.inputBytesMax else {
      throw ProgramFiles.Trouble("\(input.name) is larger than \(Self.inputBytesMax >> 20) MiB")
    }
    beside = (try folder.message("original.hl7"), try folder.message("sent.hl7"))
    message = input.name.hasSuffix(".hl7") ? try? HL7Message(CaseActual.asSent(input.bytes)) : nil
  }

  /// What a program makes of it, with what each line gave; `nil` where it does not get the message.
  package func traced(_ program: HiltProgram) -> HiltResult? {
    let isHL7 = program.input.format == .hl7v2
    if isHL7 {
      guard let message else { return nil }
      if !program.isReply, Unexpected.refusal(of: HL7Header(message), by: program.input) != nil { return nil }
    }
    return program.run(
      HiltInput(
        isHL7 ? message : nil, original: beside.original, sent: beside.sent, bytes: isHL7 ? [] : input.bytes,
        attributes: CaseActual.attributes(settings, input.name), limits: Self.limits), tracing: true)
  }

  /// How it ended, as `outcome.txt` says it.
  package static func outcome(_ result: HiltResult) -> String { CaseActual.outcome(result.decision) }
}
