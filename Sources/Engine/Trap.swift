import Glibc

/// Mistakes of the engine on purpose: as a trap in a pipeline, or in reading an answer, would stop the process.
///
/// `HILUM_FAILPOINT=in-pipeline=TEXT` traps while a message that holds the text goes through a pipeline, `in-answer`
/// while a partner's answer is read. Without the variable each costs one comparison.
enum Trap {
  private enum Armed: Sendable {
    case pipeline([UInt8])
    case answer
  }

  private static let armed: Armed? = {
    guard let value = getenv("HILUM_FAILPOINT") else { return nil }
    let text = String(cString: value)
    if text == "in-answer" { return .answer }
    let parts = text.split(separator: "=", maxSplits: 1)
    return parts.count == 2 && parts[0] == "in-pipeline" ? .pipeline(Array(parts[1].utf8)) : nil
  }()

  static func inPipeline(_ message: [UInt8]) {
    guard case .pipeline(let text)? = armed, message.contains(text) else { return }
    preconditionFailure("failpoint in-pipeline")
  }

  static func inAnswer() {
    guard case .answer? = armed else { return }
    preconditionFailure("failpoint in-answer")
  }
}
