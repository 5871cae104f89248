package import ConnectorKit
import Definitions
import Dispatch
package import Logging
import Synchronization

/// Where notices go.
package protocol AlertTarget: Sendable {
  /// As `notify:` calls it; what was not told to a target of this name waits for it over restarts.
  var name: String { get }
  /// The channel that takes them, where one does.
  var channel: String? { get }
  /// Hands over one notice, once.
  ///
  /// - Returns: why it was not taken, without secrets; `nil` where it was.
  func post(_ notice: AlertNotice, site: String) async -> String?
}

extension AlertTarget {
  package var channel: String? { nil }
}

/// The alerts of one engine: judges each look, keeps what was raised in the data folder, and tells people.
///
/// What changes is on disk before it is logged or told, so that a restart neither raises anew nor forgets. Writing and
/// telling never hold the engine up: a file that can't be written or a target that is away is tried again at later
/// looks.
package final class AlertWatch: Sendable {
  private struct State {
    var book: AlertBook
    var conditions: AlertConditions
    var certificates: [CertificateStatus]?
    var certificatesDue: Int64 = 0
    /// The file doesn't hold the book.
    var isUnwritten = false
    var saidUnwritten = false
    /// By the target's name.
    var posts: [String: Post] = [:]
  }
  /// How far the telling of one target is: one that is away keeps nothing from the others.
  private struct Post {
    /// Tells what waits.
    var task: Task<Void, Never>?
    var isAtWork = false
    var failures = 0
    /// Nothing is told before this moment of the steady clock.
    var due: Int64 = 0
    var trouble: String?
  }
  private let state: Mutex<State>
  private let file: AlertFile
  private let queue = DispatchQueue(label: "hilum.alerts")
  private let targets: [any AlertTarget]
  private let site: String
  private let clock: any EngineClock
  private let log: Logger

  /// How often the files of certificates are read, in milliseconds.
  private static let certificatesEvery: Int64 = 10_000
  /// The longest pause between two tries to tell.
  private static let pauseMax: Int64 = 5 * 60_000

  /// - Parameters:
  ///   - folder: the data folder.
  ///   - targets: where notices go beside the log, each of another name.
  ///   - offset: seconds east of UTC where the people are, at a moment in milliseconds since 1970.
  package init(
    folder: String, site: String, targets: [any AlertTarget], clock: any EngineClock = SystemClock(), log: Logger,
    offset: @escaping @Sendable (Int64) -> Int
  ) {
    file = AlertFile(folder: folder)
    self.site = site
    self.targets = targets
    self.clock = clock
    self.log = log
    let (book, trouble) = file.read()
    if let trouble { log.error("The alerts of before are not known.", metadata: ["reason": "\(trouble)"]) }
    state = Mutex(
      State(book: book ?? AlertBook(), conditions: AlertConditions(savedAt: book?.savedAt, offset: offset)))
    state.withLock { $0.book.tell(only: targets.map(\.name)) }
  }

  /// Channels of the engine that take its own alerts.
  var channels: [String] { targets.compactMap(\.channel) }

  // MARK: Looks

  /// The files of certificates should be read before the next round.
  func wantsCertificates(_ now: Moment) -> Bool {
    state.withLock { state in
      guard now.steady >= state.certificatesDue else { return false }
      state.certificatesDue = now.steady + Self.certificatesEvery
      return true
    }
  }

  func found(_ certificates: [CertificateStatus]) {
    let merged = Self.merged(certificates)
    state.withLock { $0.certificates = merged }
  }

  /// Each file once: channels may share one, with another key beside it. What is wrong with it counts, and what ends
  /// first.
  static func merged(_ certificates: [CertificateStatus]) -> [CertificateStatus] {
    var merged: [CertificateStatus] = []
    for one in certificates {
      guard let index = merged.firstIndex(where: { $0.file == one.file }) else {
        merged.append(one)
        continue
      }
      let known = merged[index]
      let isWorse =
        known.problem == nil && (one.notAfter ?? .max, one.use.rank) < (known.notAfter ?? .max, known.use.rank)
      if known.problem == nil, one.problem != nil || isWorse { merged[index] = one }
    }
    return merged
  }

  /// Judges one look; returns when what it changed is on disk, or could not be written.
  package func round(_ look: EngineLook, _ watched: [String: WatchedChannel]) async {
    let tells = targets.map(\.name)
    let events = await change(look.now) { state in
      let findings = state.conditions.judge(look, watched, certificates: state.certificates)
      return state.book.note(
        findings, look.now, tells: tells, contact: { watched[$0]?.contact },
        settle: { $0.flatMap { watched[$0]?.rules.settle.milliseconds } ?? 60_000 })
    }
    for (event, alert) in events { say(event, alert) }
    tellWaiting()
  }

  private func say(_ event: AlertNotice.Event, _ alert: Alert) {
    var about: Logger.Metadata = ["alert": "\(alert.id)", "kind": "\(alert.key.kind.rawValue)"]
    if let channel = alert.key.channel { about["channel"] = "\(channel)" }
    if let lane = alert.key.lane { about["lane"] = "\(lane)" }
    switch event {
    case .raised: log.warning("Alert: \(alert.key.place): \(alert.text)", metadata: about)
    case .cleared: log.notice("An alert is over: \(alert.key.place)", metadata: about)
    }
  }

  // MARK: The file

  /// Changes the book on the queue of this watch, one change after the other, and writes it where it is another then.
  private func change<Answer: Sendable>(
    _ now: Moment, _ body: @escaping @Sendable (inout State) -> Answer
  ) async -> Answer {
    await withCheckedContinuation { continuation in
      queue.async { [self] in
        let (answer, book) = state.withLock { state -> (Answer, AlertBook?) in
          let before = state.book
          let answer = body(&state)
          if !state.book.isSame(as: before) { state.isUnwritten = true }
          guard state.isUnwritten else { return (answer, nil) }
          state.book.savedAt = now.wall
          return (answer, state.book)
        }
        if let book { written(file.write(book)) }
        continuation.resume(returning: answer)
      }
    }
  }

  private func written(_ reason: String?) {
    let isNews = state.withLock { state in
      state.isUnwritten = reason != nil
      defer { state.saidUnwritten = reason != nil }
      return reason != nil && !state.saidUnwritten
    }
    if isNews, let reason {
      log.error("The alerts can't be written; a restart would raise them again.", metadata: ["reason": "\(reason)"])
    }
  }

  // MARK: Telling

  /// Channels were started, or changed: one that takes alerts, and did not, is told at once what waits for it.
  func channelsCameUp() {
    state.withLock { state in
      for target in targets where target.channel != nil { state.posts[target.name]?.due = 0 }
    }
    tellWaiting()
  }

  /// Tells each target what waits for it, in its order, unless that is being done or failed a moment ago.
  private func tellWaiting() {
    let now = clock.now()
    for target in targets {
      state.withLock { state in
        let post = state.posts[target.name, default: Post()]
        guard !post.isAtWork, now.steady >= post.due, state.book.next(for: target.name) != nil else { return }
        state.posts[target.name, default: Post()].isAtWork = true
        state.posts[target.name]?.task = Task { await self.post(to: target) }
      }
    }
  }

  private func post(to target: any AlertTarget) async {
    let name = target.name
    while let notice = state.withLock({ $0.book.next(for: name) }) {
      let reason = await target.post(notice, site: site)
      let now = clock.now()
      if let reason {
        let isNews = state.withLock { state in
          var post = state.posts[name, default: Post()]
          defer { state.posts[name] = post }
          let isNews = post.trouble == nil
          post.trouble = reason
          post.due = now.steady + min(Self.pauseMax, 5000 << Int64(min(post.failures, 6)))
          post.failures += 1
          return isNews
        }
        if isNews {
          log.error(
            "An alert can't be delivered; it is tried again.", metadata: ["target": "\(name)", "reason": "\(reason)"])
        }
        break
      }
      await change(now) { state in
        state.book.told(notice.id, to: name)
        let task = state.posts[name]?.task
        state.posts[name] = Post(task: task, isAtWork: true)
      }
    }
    state.withLock { $0.posts[name]?.isAtWork = false }
  }

  private var atWork: [Task<Void, Never>] {
    state.withLock { state in state.posts.values.filter(\.isAtWork).compactMap(\.task) }
  }

  /// Waits for the tries that are under way.
  func posted() async { for task in atWork { await task.value } }

  /// Tells what still waits, for so long at most; what is left goes after the next start.
  package func close(within seconds: Int = 3) async {
    state.withLock { state in for name in state.posts.keys { state.posts[name]?.due = 0 } }
    tellWaiting()
    let tasks = atWork
    if tasks.isEmpty { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for task in tasks { await task.value } }
      group.addTask { try? await Task.sleep(for: .seconds(seconds), clock: SuspendingClock()) }
      await group.next()
      for task in tasks { task.cancel() }
      group.cancelAll()
    }
  }

  // MARK: What people ask

  package var active: [Alert] { state.withLock { $0.book.active } }
  package var downtimes: [Downtime] { state.withLock { $0.book.downtimes } }

  package var overview: AlertOverview {
    state.withLock { state in
      AlertOverview(
        active: state.book.active, cleared: state.book.cleared.reversed(), downtimes: state.book.downtimes,
        undelivered: state.book.notices.count, trouble: Self.trouble(state.posts), lost: state.book.lostNotices)
    }
  }

  /// `email: the server refuses …; webhook: …`
  private static func trouble(_ posts: [String: Post]) -> String? {
    let troubles = posts.sorted { $0.key < $1.key }.compactMap { name, post in post.trouble.map { "\(name): \($0)" } }
    return troubles.isEmpty ? nil : troubles.joined(separator: "; ")
  }

  package func acknowledge(_ id: Int, by: String, why: String?) async throws -> Alert {
    let now = clock.now()
    guard let alert = await change(now, { $0.book.acknowledge(id, by: by, why: why, now) }) else {
      throw OperationError("there is no alert \(id) that is raised; hilum alert list shows those that are")
    }
    log.notice("An alert was acknowledged.", metadata: ["alert": "\(id)", "by": "\(by)"])
    return alert
  }

  package func plan(_ channel: String, seconds: Int, by: String, why: String) async -> Downtime {
    let now = clock.now()
    let downtime = Downtime(
      channel: channel, from: now.wall, until: now.wall + Int64(seconds) * 1000, by: by, why: why)
    await change(now) { $0.book.plan(downtime) }
    log.notice(
      "A downtime was planned.", metadata: ["channel": "\(channel)", "by": "\(by)", "seconds": "\(seconds)"])
    return downtime
  }

  package func endDowntime(of channel: String, by: String) async throws {
    guard await change(clock.now(), { $0.book.endDowntime(of: channel) }) else {
      throw OperationError("channel \(channel) has no planned downtime")
    }
    log.notice("A downtime was ended.", metadata: ["channel": "\(channel)", "by": "\(by)"])
  }
}

extension CertificateStatus.Use {
  /// Of one file with two uses the certificate that is ours is told of.
  fileprivate var rank: Int { self == .shown ? 0 : 1 }
}
