import ConnectorKit
import Dispatch
import Glibc
import Logging
import Messages
import Synchronization

/// Looks at a folder again and again: finds what is whole, hands it over in order, and puts away what was taken.
///
/// Each look starts from what is there and not from what was told. Lives on the source's thread.
final class FileIntake {
  let plan: FileSourcePlan
  let folders: FileIntakeFolders
  let logger: Logger
  let channel: ChannelName
  let counts: FileSourceCounts
  let clock: FileClock
  private let inbox: any Inbox
  private let stop: StopSignal
  /// What is known of names that are still there.
  var sightings: [FileName: FileSighting] = [:]
  /// What was said of a name in the log: once, not at each look.
  private var notes: [FileName: String] = [:]
  /// The names that a single run takes: those of its first look. `nil` takes all.
  private var only: Set<FileName>?
  /// At the last look something was there that is not whole yet.
  private var isGrowing = false
  /// At the last look something was whole, and the engine took nothing.
  private var isHeldOff = false
  /// The engine takes nothing before this moment.
  private var notBefore: Duration?
  private var wait = FileIntake.waitFirst
  private static let waitFirst = Duration.seconds(1)
  private static let waitLongest = Duration.seconds(30)
  /// So long, and as long as a file must stay as it is, a single run waits for files that are not whole: one that
  /// never is must not keep further runs off.
  private static let growingMax = Duration.seconds(300)

  init(
    _ plan: FileSourcePlan, _ folders: FileIntakeFolders, _ inbox: any Inbox, _ context: ConnectorContext,
    clock: FileClock, counts: FileSourceCounts, stop: StopSignal
  ) {
    self.plan = plan
    self.folders = folders
    self.inbox = inbox
    self.clock = clock
    self.counts = counts
    self.stop = stop
    logger = context.logger
    channel = context.channel
  }

  /// A file that is whole.
  private struct Candidate {
    let name: FileName
    let facts: FileFacts
  }

  /// Looks once. Gives the moment of the next look, if nothing is heard before.
  func look() throws(FileSourceFault) -> Duration {
    guard folders.directory.isStill(at: plan.directory) else {
      throw FileSourceFault(path: plan.directory, reason: "the folder was taken away or replaced")
    }
    let now = clock.now()
    let names: Set<FileName>
    do throws(FileFault) {
      names = Set(try folders.directory.names())
    } catch {
      throw FileSourceFault(path: plan.directory, reason: error.description)
    }
    sightings = sightings.filter { names.contains($0.key) }
    notes = notes.filter { names.contains($0.key) }
    isGrowing = false

    var whole: [Candidate] = []
    for name in names where plan.mayTake(name) && only?.contains(name) != false {
      if let facts = examine(name, among: names, now) { whole.append(Candidate(name: name, facts: facts)) }
    }
    if let moment = notBefore, moment <= now { notBefore = nil }
    if notBefore == nil, !whole.isEmpty { take(ordered(whole)) }
    isHeldOff = notBefore != nil && !whole.isEmpty
    return nextLook(after: now)
  }

  /// Looks until all that is there at the first look is taken, as far as it becomes ready within a time.
  func lookOnce(patience: Duration, _ wait: (_ next: Duration) -> FolderWatch.News) throws(FileSourceFault) {
    let began = clock.now()
    let end = began + patience
    var growingEnd = began + Self.growingMax
    if case .settled(let settle) = plan.completeness { growingEnd += settle }
    growingEnd = min(growingEnd, end)
    do throws(FileFault) {
      only = Set(try folders.directory.names())
    } catch {
      throw FileSourceFault(path: plan.directory, reason: error.description)
    }
    while !stop.wasSet {
      let next = try look()
      let last = isHeldOff ? end : isGrowing ? growingEnd : began
      guard clock.now() < last else { break }
      if wait(min(next, last)) == .stop { return }
    }
    if growingEnd < end { noteGrowing() }
  }

  /// Says which files kept a single run waiting until it ended.
  private func noteGrowing() {
    for (name, sighting) in sightings where sighting.state == .settling && sighting.facts.byteCount > 0 {
      note(name, "has not become whole for minutes, and is left for the next run of the schedule")
    }
  }

  /// What is known of the folder, for the next run.
  var memory: FileMemory {
    get { FileMemory(sightings: sightings, notes: notes) }
    set { (sightings, notes) = (newValue.sightings, newValue.notes) }
  }

  private func nextLook(after now: Duration) -> Duration {
    var next = now + plan.poll
    if let notBefore { next = min(next, notBefore) }
    if case .settled(let settle) = plan.completeness {
      for sighting in sightings.values where sighting.state == .settling && sighting.since + settle > now {
        next = min(next, sighting.since + settle)
      }
    }
    return next
  }

  private func ordered(_ files: [Candidate]) -> [Candidate] {
    switch plan.order {
    case .name: files.sorted { $0.name < $1.name }
    case .time: files.sorted { ($0.facts.modified, $0.name) < ($1.facts.modified, $1.name) }
    }
  }

  // MARK: - What is whole

  /// The facts of a name that is a whole file which wasn't taken yet.
  private func examine(_ name: FileName, among names: Set<FileName>, _ now: Duration) -> FileFacts? {
    let known = sightings[name]
    if case .settled(let settle) = plan.completeness, let known, known.state == .settling, now < known.since + settle {
      isGrowing = true
      return nil
    }
    guard let facts = facts(of: name) else { return nil }
    switch known?.state {
    case .handled(let outcome) where known?.facts.isSameContent(as: facts) == true:
      putAway(name, facts, outcome)
      return nil
    case .kept where known?.facts == facts: return nil
    default: break
    }
    switch plan.completeness {
    case .atOnce: return facts
    case .marked(let suffix): return isMarked(name, facts, suffix, among: names) ? facts : nil
    case .settled:
      guard let known, known.state == .settling, known.facts.isSameContent(as: facts) else {
        sightings[name] = FileSighting(facts: facts, since: now, state: .settling)
        isGrowing = true
        return nil
      }
      guard facts.byteCount > 0 else {
        note(name, "is empty, and waited for until something is in it")
        return nil
      }
      return facts
    }
  }

  /// What a name stands for, where that is a file. What isn't is never opened.
  private func facts(of name: FileName) -> FileFacts? {
    do throws(FileFault) {
      guard let facts = try folders.directory.look(at: name) else {
        sightings[name] = nil
        return nil
      }
      if facts.kind == .file { return facts }
      sightings[name] = nil
      if !folders.isOwn(facts) { note(name, "is \(facts.kind.rawValue), not a file: it is left alone") }
      return nil
    } catch {
      note(name, "can't be looked at: \(FileFault.text(error.number))")
      return nil
    }
  }

  /// Whether the second file is there and not older: one that was left from an earlier file of that name says nothing
  /// of this.
  private func isMarked(_ name: FileName, _ facts: FileFacts, _ suffix: [UInt8], among names: Set<FileName>) -> Bool {
    let mark = FileName(bytes: name.bytes + suffix)
    guard names.contains(mark), let found = try? folders.directory.look(at: mark), found.kind == .file else {
      return false
    }
    if found.modified >= facts.modified { return true }
    note(name, "is newer than the file that says it is whole, and waited for")
    return false
  }

  // MARK: - Handing over

  private func take(_ files: [Candidate]) {
    let handover = FileHandover(inbox.origin(plan.directory))
    for candidate in files {
      if stop.wasSet || handover.unavailable != nil { break }
      guard !wasKept(candidate.name, candidate.facts), let file = read(candidate.name, candidate.facts) else {
        continue
      }
      if file.messages.isEmpty {
        finish(file)
        continue
      }
      handover.begin(file)
      for index in file.messages.indices {
        handover.offer(arrival(file, index))
        while handover.isFull { settle(handover) }
        if stop.wasSet || handover.unavailable != nil { break }
      }
    }
    while handover.isAhead { settle(handover) }
    if let reason = handover.unavailable { holdOff(reason) }
  }

  private func settle(_ handover: FileHandover) {
    guard let file = handover.awaitReceipt() else { return }
    finish(file)
    wait = Self.waitFirst
  }

  /// The engine could not store what was offered; what wasn't answered is still in the folder.
  private func holdOff(_ reason: String) {
    if wait == Self.waitFirst { logger.warning("the engine takes no files at the moment: \(reason)") }
    notBefore = clock.now() + wait
    wait = min(wait * 2, Self.waitLongest)
  }

  private func arrival(_ file: FileTaken, _ index: Int) -> Arrival {
    let range = file.messages[index]
    let bytes = range.count == file.bytes.count ? file.bytes : Array(file.bytes[range])
    // The checksum tells apart what the file system does not: a new file in the place (inode) of one that was deleted,
    // of the same length, and with a time that its sender set.
    let key = "\(file.facts.transportKey):\(index + 1):\(Checksum.of(bytes).hexadecimal)"
    var arrival = Arrival(
      Payload(plan.isMany ? .hl7v2 : .bytes, bytes),
      attributes: [
        "file": .record([
          "name": .text(file.name.description), "directory": .text(plan.directory), "index": .integer(Int64(index + 1)),
        ])
      ], transportKey: key)
    if plan.after == .keep, index == file.messages.count - 1 {
      arrival.progress = Arrival.Progress(key: Self.progressKey(file.name), value: .text(Self.mark(file.facts)))
    }
    return arrival
  }

  // MARK: - Files that stay

  private static func progressKey(_ name: FileName) -> String { "file:\(name)" }
  private static func mark(_ facts: FileFacts) -> String { "\(facts.transportKey):\(facts.changed)" }

  /// Whether a file that stays in the folder was taken by an engine before this one.
  private func wasKept(_ name: FileName, _ facts: FileFacts) -> Bool {
    guard plan.after == .keep else { return false }
    let found = Answer()
    // Where the store can't be asked the file is offered again, and known by its transport key.
    let key = Self.progressKey(name)
    Task.detached { [inbox] in
      let value = try? await inbox.progress(key)
      found.set(value)
    }
    guard case .text(let mark)? = found.wait(), mark == Self.mark(facts) else { return false }
    sightings[name] = FileSighting(facts: facts, since: .zero, state: .kept)
    return true
  }

  /// Lets this thread wait for what `async` code finds out.
  private final class Answer: Sendable {
    private let value = Mutex<Value?>(nil)
    private let isSet = DispatchSemaphore(value: 0)

    func set(_ answer: Value?) {
      value.withLock { $0 = answer }
      isSet.signal()
    }

    func wait() -> Value? {
      isSet.wait()
      return value.withLock { $0 }
    }
  }

  /// A file is not what it was a moment ago.
  func changed() { isGrowing = true }

  // MARK: - Saying it once

  /// Says something of a name in the log, unless that was the last thing said of it.
  func note(_ name: FileName, _ text: String) {
    guard notes.updateValue(text, forKey: name) != text else { return }
    logger.warning("\(name) \(text)", metadata: ["channel": "\(channel)"])
  }
}
