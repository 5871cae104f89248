import DICOM
import HL7
import Messages

/// What is printed, dumped or put into a log by accident says what kind of thing it is, and holds nothing of a message.
/// Reasons, notes and traces are the program's own text with values in it, so they count as content too.

extension HiltDecision: CustomStringConvertible, CustomReflectable {
  package var description: String {
    switch self {
    case .routed: "routed"
    case .dropped: "dropped"
    case .held: "held"
    case .rejected(let rejection): rejection.description
    case .failed(let failure): failure.description
    case .done: "done"
    case .retry: "retry"
    case .dead: "dead"
    case .answered: "answered"
    }
  }
  package var customMirror: Mirror { Mirror(self, children: ["decision": description]) }
}

extension HiltRejection: CustomStringConvertible, CustomReflectable {
  package var description: String {
    "rejected \(isDIMSE ? shownCode : code + (number.map { " \($0)" } ?? ""))\(path.map { " at \($0)" } ?? "")"
  }
  package var customMirror: Mirror { Mirror(self, children: ["rejection": description]) }
}

extension HiltFailure: CustomStringConvertible, CustomReflectable {
  package var description: String {
    let reason = isDecision ? "the transform says fail" : problem.message
    return "\(problem.place): \(problem.code): \(reason)\(path.map { " (\($0))" } ?? "")"
  }
  package var customMirror: Mirror { Mirror(self, children: ["failure": description]) }
}

extension HiltEmitted: CustomStringConvertible, CustomReflectable {
  package var description: String {
    let size =
      switch content {
      case .input: "the input"
      case .bytes(let bytes): "\(bytes.count) bytes"
      case .dicom(let stretches): "\(stretches.reduce(0) { $0 + $1.byteCount }) bytes"
      }
    return "\(format.rawValue), \(size), to \(destinations?.joined(separator: ", ") ?? "every destination")"
  }
  package var customMirror: Mirror { Mirror(self, children: ["emitted": description]) }
}

extension HiltNote: CustomStringConvertible, CustomReflectable {
  package var description: String { "a note at \(place)" }
  package var customMirror: Mirror { Mirror(self, children: ["note": description]) }
}

extension HiltTraceEntry: CustomStringConvertible, CustomReflectable {
  package var description: String { "a value of line \(line)" }
  package var customMirror: Mirror { Mirror(self, children: ["entry": description]) }
}

extension HiltResult: CustomStringConvertible, CustomReflectable {
  package var description: String {
    "\(decision), \(emitted.count) emitted, \(notes.count) notes, \(steps) steps"
  }
  package var customMirror: Mirror { Mirror(self, children: ["result": description]) }
}

extension HiltInput: CustomStringConvertible, CustomReflectable {
  package var description: String { "input: \(message.map { "\($0)" } ?? "no message")" }
  package var customMirror: Mirror { Mirror(self, children: ["input": description]) }
}
