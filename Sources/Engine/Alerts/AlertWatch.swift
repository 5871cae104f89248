package import ConnectorKit
import Definitions
import Dispatch
package import Logging
import Synchronization

/// Where notices go.
package protocol AlertTarget: Sendable {
  /// Hands over one notice, once.
  ///
  /// - Returns: why it was not taken, without secrets; `nil` where it was.
  func post(_ notice: AlertNotice, site: String) async -> String?
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
    /// Tells what waits.
    var posting: Task<Void, Never>?
    var isPosting = false
    var failures = 0
    /// Nothing is told before this moment of the steady clock.
    var postDue: Int64 = 0
    var trouble: String?
  }
  private let state: Mutex<State>
  private let file: AlertFile
  private let queue = DispatchQueue(label: "hilum.alerts")
  private let target: (any AlertTarget)?
  private let site: String
  private let clock: any EngineClock
  private let log: Logger

  /// How often the files of certificates are read, in milliseconds.
  private static let certificatesEvery: Int64 = 10_000
  /// The longest pause between two tries to tell.
  private static let pauseMax: Int64 = 5 * 60_000

  /// - Parameters:
  ///   - folder: the data folder.
  ///   - target: where notices go beside the log; `nil` for nowhere.
  ///   - offset: seconds east of UTC where the people are, at a moment in milliseconds since 1970.
  package init(
    folder: String, site: String, target: (any AlertTarget)?, clock: any EngineClock = SystemClock(), log: Logger,
    offset: @escaping @Sendable (Int64) -> Int
  ) {
    file = AlertFile(folder: folder)
    self.site = site
    self.target = target
    self.clock = clock
    self.log = log
    let (book, trouble) = file.read()
    if let trouble { log.error("The alerts of before are not known.", metadata: ["reason": "\(trouble)"]) }
    state = Mutex(
      State(book: book ?? AlertBook(), conditions: AlertConditions(savedAt: book?.savedAt, offset: offset)))
    if target == nil { state.withLock { $0.book.forgetNotices() } }
  }

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
    let tells = target != nil
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

  /// Tells what waits, in its order, unless that is being done or failed a moment ago.
  private func tellWaiting() {
    guard let target else { return }
    let now = clock.now()
    state.withLock { state in
      guard !state.isPosting, !state.book.notices.isEmpty, now.steady >= state.postDue else { return }
      state.isPosting = true
      state.posting = Task { await self.post(to: target) }
    }
  }

  private func post(to target: any AlertTarget) async {
    while let notice = state.withLock({ $0.book.notices.first }) {
      let reason = await target.post(notice, site: site)
      let now = clock.now()
      if let reason {
        let isNews = state.withLock { state in
          defer { state.trouble = reason }
          let pause = min(Self.pauseMax, 5000 << Int64(min(state.failures, 6)))
          state.failures += 1
          state.postDue = now.steady + pause
          return state.trouble == nil
        }
        if isNews { log.error("An alert can't be delivered; it is tried again.", metadata: ["reason": "\(reason)"]) }
        break
      }
      await change(now) { state in
        state.book.told(notice.id)
        (state.failures, state.trouble, state.postDue) = (0, nil, 0)
      }
    }
    state.withLock { $0.isPosting = false }
  }

  /// Waits for the try that is under way.
  func posted() async { await state.withLock { $0.isPosting ? $0.posting : nil }?.value }

  /// Tells what still waits, for so long at most; what is left goes after the next start.
  package func close(within seconds: Int = 3) async {
    state.withLock { $0.postDue = 0 }
    tellWaiting()
    guard let posting = state.withLock({ $0.isPosting ? $0.posting : nil }) else { return }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await posting.value }
      group.addTask { try? await Task.sleep(for: .seconds(seconds), clock: SuspendingClock()) }
      await group.next()
      posting.cancel()
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
        undelivered: state.book.notices.count, trouble: state.trouble, lost: state.book.lostNotices)
    }
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
