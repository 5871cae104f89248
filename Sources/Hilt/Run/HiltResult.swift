package import DICOM
package import Messages

/// What came of one run. Nothing in here is printed by accident: reasons, notes and traces may hold what stands in the
/// message.
package struct HiltResult: Sendable {
  package let decision: HiltDecision
  /// In the order of the program. Empty unless the decision is `routed`, or `done` or `answered` of a reply transform.
  package let emitted: [HiltEmitted]
  package let notes: [HiltNote]
  /// How many steps the run took.
  package let steps: Int
  /// What each statement gave, in the order of the run; empty unless the run was traced.
  package let trace: [HiltTraceEntry]
  /// The numbers of the statements that ran; empty unless the run was observed.
  package let statements: Set<Int>
  /// Which line wrote what stands in the outputs, in the order of the outputs and their places; empty unless the run
  /// was observed.
  package let origins: [HiltOrigin]
  /// What was put in the place of identifiers, each once; empty unless something goes out.
  package let standIns: [StandIn]

  /// Why what came is nothing that the program takes, where that shows in the content alone: a resource of another
  /// type, or one that R4 doesn't allow.
  package var unexpected: HiltRejection? {
    if case .rejected(let rejection) = decision, rejection.isUnexpected { return rejection }
    return nil
  }
}

/// How a message ends.
package enum HiltDecision: Sendable, Hashable {
  /// It goes where `emitted` says.
  case routed
  /// Accepted, counted, kept with its reason.
  case dropped(reason: String)
  /// Accepted, waits for a person.
  case held(reason: String)
  /// Not accepted.
  case rejected(HiltRejection)
  /// Accepted and safe, but ours to mend.
  case failed(HiltFailure)

  // Of a reply transform, about the delivery that the partner answered:

  /// It has arrived.
  case done
  /// It is tried again.
  case retry(reason: String)
  /// It is given up.
  case dead(reason: String)
  /// It has arrived, and this goes to the sender who waits for it.
  case answered(HiltEmitted)

  /// Whether what was emitted beside it goes out.
  var sends: Bool {
    switch self {
    case .routed, .done, .answered: true
    default: false
    }
  }
}

/// A refusal, for MSA and ERR.
package struct HiltRejection: Sendable, Hashable {
  /// `AE` or `AR`; of DICOM `AR`.
  package let code: String
  /// HL7 table 0357; of DICOM a status (PS3.7 annex C).
  package let number: Int?
  package let reason: String
  /// The place that is wrong, such as `PID-3`.
  package let path: String?
  /// The program didn't say so: what came is nothing that it takes.
  package var isUnexpected = false
  /// `number` is a status of DIMSE.
  package var isDIMSE = false

  /// As a person reads it: `AE 101`, of DICOM `C000`.
  package var shownCode: String {
    isDIMSE ? DIMSEStatus(UInt16(truncatingIfNeeded: number ?? 0)).digits : "\(code) \(number ?? 207)"
  }
}

/// Why a run failed: by `fail`, or by an error that nothing caught.
package struct HiltFailure: Error, Sendable, Hashable {
  /// Code, sentence and place in the program; `problem.rendered(source:)` shows it with its line.
  package let problem: Problem
  /// The place in the message, such as `PID-3`, where there is one.
  package let path: String?
  /// Whether the program said `fail` itself. The sentence of any other failure holds no value of the message.
  package let isDecision: Bool
}

/// One message that a program gave out.
package struct HiltEmitted: Sendable, Hashable {
  package enum Content: Sendable, Hashable {
    /// The input, byte for byte: a reference to it is enough.
    case input
    case bytes([UInt8])
    /// A changed object: new bytes, and ranges of the input.
    case dicom([DICOMStretch])
  }
  package let content: Content
  package let format: Format
  /// `nil`: every destination whose `when` holds.
  package let destinations: [String]?
  package let meta: [String: Value]

  /// What was made, as bytes; `nil`: it is the input.
  ///
  /// - Parameter input: all of it: what a changed object of DICOM has of it is taken from there.
  package func made(of input: [UInt8]) -> [UInt8]? {
    switch content {
    case .input: nil
    case .bytes(let bytes): bytes
    case .dicom(let stretches):
      stretches.reduce(into: []) { all, stretch in
        switch stretch {
        case .bytes(let new): all += new
        case .range(let range): all += input[range]
        }
      }
    }
  }
}

/// What a program noted, or why it left a turn of a loop.
package struct HiltNote: Sendable, Hashable {
  package let text: String
  package let place: Place
}

/// Which statement wrote a place of an output. What was copied has none.
package struct HiltOrigin: Sendable, Hashable, Encodable {
  /// Which of `emitted`.
  package let output: Int
  /// Which line of the output, from 1.
  package let segment: Int
  /// The place, such as `PID-5[1].2`.
  package let path: String
  /// The line of the program.
  package let line: Int
  /// The places of the input that its value is made of, in the order of the program.
  package let inputs: [String]
}

/// What a statement gave while a run was traced.
package struct HiltTraceEntry: Sendable, Hashable {
  package let line: Int
  /// Which turn of each loop around it, outermost first, from 1.
  package let turns: [Int]
  package let text: String
}
