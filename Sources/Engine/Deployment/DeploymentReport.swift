/// What a deployment did, or would do.
package struct DeploymentReport: Sendable, Codable, Equatable {
  package struct Channel: Sendable, Codable, Equatable {
    package enum Outcome: String, Sendable, Codable {
      case unchanged, started, changed, removed
      /// What it was rolled back to stays.
      case kept
      /// The new revision did not start; the former runs again.
      case restored
      /// It could not be changed, or does not run as it should.
      case failed
    }
    package var name: String
    package var outcome: Outcome
    /// The revision that runs now, or would; sixteen digits of its hash.
    package var revision: String?
    /// What is done, one line each.
    package var lines: [String]
    /// The texts that differ: filled by `hilum diff`.
    package var files: [FileChange] = []
  }

  /// A file of a revision that is another one in the next.
  package struct FileChange: Sendable, Codable, Equatable {
    package var path: String
    /// Lines with `+`, `-` or a space before them, with some that are the same around them.
    package var lines: [String]
  }

  /// What is wrong with the files, as `hilum check` shows it.
  package var problems = ""
  package var errorCount = 0
  package var warningCount = 0
  /// Why nothing was changed, where the files have no error.
  package var refusals: [String] = []
  package var channels: [Channel] = []

  /// Every channel runs as it was told.
  package var isGood: Bool {
    errorCount == 0 && refusals.isEmpty && !channels.contains { $0.outcome == .failed || $0.outcome == .restored }
  }

  package init() {}
}

/// What becomes of deliveries that wait in a lane whose destination is gone.
package enum LeavingChoice: Sendable, Equatable {
  /// The lane goes on until it is empty.
  case drain
  /// They become dead letters.
  case dead
  /// They go to the end of another lane of the channel.
  case move(String)

  /// - Parameter text: `drain`, `dead`, `move:LANE`.
  package init?(_ text: String) {
    switch text {
    case "drain": self = .drain
    case "dead": self = .dead
    default:
      guard text.hasPrefix("move:"), text.utf8.count > 5 else { return nil }
      self = .move(String(text.dropFirst(5)))
    }
  }

  package var text: String {
    switch self {
    case .drain: "drain"
    case .dead: "dead"
    case .move(let lane): "move:\(lane)"
    }
  }
}
