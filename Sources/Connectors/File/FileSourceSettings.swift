package import ConnectorKit

/// The settings of `file:` as a source.
package struct FileSourceSettings: Settings {
  package enum Order: String, SettingChoice { case name, time }
  package enum Messages: String, SettingChoice { case one, many }
  package enum After: String, SettingChoice { case move, delete, keep }

  /// When a file is whole.
  package struct Complete: Settings {
    package enum Sign: String, SettingChoice {
      case rename, stable
      case doneFile = "done-file"
    }

    @Setting(
      """
      `stable`: it has kept its size and time for a while. `rename`: at once, for its sender writes it under a name \
      that is ignored and then renames it. `done-file`: when a second file says so.
      """, default: .stable)
    package var by: Sign
    @Setting("With `stable`: how long size and time must stay as they are; 1s unless said.", example: "5s")
    package var settle: Duration?
    @Setting("With `done-file`: what is added to a file's name to name the second one; `.done` unless said.")
    package var suffix: String?

    package init() {}
  }

  @Setting("The folder to take files from. Its subfolders are left alone.", example: "in/lab")
  package var directory: FilePath
  @Setting(
    "Which names are taken: `*`, `?` and `[a-z]` as in a shell. A name that begins with a dot never is.", default: "*")
  package var pattern: String
  @Setting(
    "Ends of names that are left alone: files on their way.", default: [".tmp", ".part", ".partial", ".filepart"])
  package var ignore: [String]
  @Setting(
    "In which order complete files are taken: by `name` (its bytes) or by the `time` of their last change.",
    default: .name)
  package var order: Order
  @Setting("How to know that a file is whole. Only whole files are taken.", default: Complete())
  package var complete: Complete
  @Setting(
    "Whether a file is `one` message, or `many` HL7 messages one after the other, with or without batch segments.",
    default: .one)
  package var messages: Messages
  @Setting("What becomes of a file whose messages are all on disk here.", default: .move)
  package var after: After
  @Setting("With `after: move`: where to; `done` in the folder unless said. On the same file system.")
  package var to: FilePath?
  @Setting(
    """
    Where a file goes with a message that was rejected, or that can't be taken, and beside it the reason as \
    `NAME.reason.txt`; `failed` in the folder unless said. With `after: keep` only where it is said.
    """)
  package var failed: FilePath?
  @Setting("How often to look where nothing tells of a new file, as on a network drive.", default: .seconds(5))
  package var poll: Duration

  package init() {}
}

/// The settings of a file source as its work needs them: defaults filled in, what contradicts itself refused.
struct FileSourcePlan: Sendable {
  enum Completeness: Sendable {
    case atOnce
    case settled(after: Duration)
    case marked(suffix: [UInt8])
  }

  let directory: String
  let pattern: String
  let ignored: [[UInt8]]
  let order: FileSourceSettings.Order
  let completeness: Completeness
  let isMany: Bool
  let after: FileSourceSettings.After
  /// Where files go that were taken; `nil` where they stay or are deleted.
  let donePath: String?
  /// Where files go that failed; `nil` where all stay as they are.
  let failedPath: String?
  let poll: Duration
  let messageBytesMax: Int
  let hl7: HL7Settings

  init(_ options: FileSourceSettings, _ context: ConnectorContext) throws(SettingError) {
    directory = options.directory.path
    pattern = options.pattern
    ignored = options.ignore.map { Array($0.utf8) }
    order = options.order
    isMany = options.messages == .many
    after = options.after
    poll = options.poll
    messageBytesMax = context.messageBytesMax
    hl7 = context.hl7
    completeness = try Self.completeness(options.complete)
    donePath = options.after == .move ? options.to?.path ?? directory + "/done" : nil
    failedPath = options.failed?.path ?? (options.after == .keep ? nil : directory + "/failed")

    if pattern.isEmpty || pattern.contains("/") {
      throw SettingError("a pattern is for names in the folder: it isn't empty and has no `/`", setting: "pattern")
    }
    if ignored.contains([]) { throw SettingError("an empty ending would ignore every file", setting: "ignore") }
    if options.to != nil, after != .move { throw SettingError("only `after: move` moves files", setting: "to") }
    if donePath == directory { throw SettingError("files would be taken again: name another folder", setting: "to") }
    if failedPath == directory {
      throw SettingError("files would be taken again: name another folder", setting: "failed")
    }
    if poll < .milliseconds(10) { throw SettingError("at least 10ms", setting: "poll") }
    if isMany, hl7.batch == .refuse {
      throw SettingError("`many` splits files, and `hl7: {batch: refuse}` forbids it", setting: "messages")
    }
  }

  private static func completeness(_ complete: FileSourceSettings.Complete) throws(SettingError) -> Completeness {
    if complete.settle != nil, complete.by != .stable {
      throw SettingError("only `by: stable` waits", setting: "complete.settle")
    }
    if complete.suffix != nil, complete.by != .doneFile {
      throw SettingError("only `by: done-file` looks for a second file", setting: "complete.suffix")
    }
    switch complete.by {
    case .rename: return .atOnce
    case .stable: return .settled(after: complete.settle ?? .seconds(1))
    case .doneFile:
      let suffix = complete.suffix ?? ".done"
      guard !suffix.isEmpty, !suffix.contains("/") else {
        throw SettingError("it is added to a name: it isn't empty and has no `/`", setting: "complete.suffix")
      }
      return .marked(suffix: Array(suffix.utf8))
    }
  }

  /// Whether a name is one of a message, as far as names can tell.
  func mayTake(_ name: FileName) -> Bool {
    if case .marked(let suffix) = completeness, name.hasSuffix(suffix) { return false }
    return NamePattern.matches(pattern, name) && !ignored.contains { name.hasSuffix($0) }
  }

  /// Whether news of a name are a reason to look at the folder.
  func concerns(_ name: FileName) -> Bool {
    if case .marked(let suffix) = completeness { return name.hasSuffix(suffix) || mayTake(name) }
    return mayTake(name)
  }
}
