/// What a source knows of its folder from one run to the next.
struct FileMemory {
  var sightings: [FileName: FileSighting] = [:]
  /// What was said of a name in the log.
  var notes: [FileName: String] = [:]
}

/// What a source knows of a name in its folder from one look to the next.
struct FileSighting {
  enum State: Equatable {
    /// Seen as it is, and watched whether it stays so.
    case settling
    /// All its messages are answered; it could not be put away yet.
    case handled(Outcome)
    /// It stays, and is done with.
    case kept
  }

  enum Outcome: Equatable {
    case taken
    /// With the text that goes beside it.
    case refused(String)
  }

  let facts: FileFacts
  /// Since when it is as it is.
  let since: Duration
  let state: State
}
