import Partners
import Synchronization

/// One lane of a soak: its partner, what the partner noted, and what the partner does at the moment.
final class SoakLane: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case strict, ahead, keyed, free

    /// As a channel file says it, beside `mllp:`.
    var order: String {
      switch self {
      case .strict: "order: strict"
      case .ahead: "window: \(Self.window)"
      case .keyed: "order: {by: [\"right(MSH-10, 1)\"], in-flight: \(Self.inFlight)}"
      case .free: "order: none"
      }
    }

    static let window = 8
    static let inFlight = 8

    fileprivate var check: HistoryCheck {
      let more =
        switch self {
        case .strict: 1
        case .ahead: Self.window
        case .keyed, .free: Self.inFlight
        }
      var check = HistoryCheck(bytesUnchanged: true, ordered: self != .free, inFlightMax: 32 + more)
      if self == .keyed { check.orderKey = { String($0.suffix(1)) } }
      return check
    }
  }

  /// What a partner does for a while.
  enum Mood: String, CaseIterable, Sendable {
    case well, away, refuses, slow, halfCloses, resets, silent, garbles
  }

  let channel: String
  let kind: Kind
  let partner: Partner
  private let history = HistoryLog()
  private let moods = Mutex<[Mood]>([])
  /// Connections on which an answer was broken: the engine gives them up.
  private let connectionsBroken = Mutex<Set<Int>>([])
  /// A slow partner is prompt again: answers that are late by then are overtaken by the next ones, and what was sent
  /// ahead is not known to be taken.
  private let lateUntil = Mutex<ContinuousClock.Instant>(.now)
  private static let delay = Duration.milliseconds(150)

  init(_ channel: String, _ kind: Kind) async throws {
    self.channel = channel
    self.kind = kind
    partner = try await Partner.start(history: history, keepsBytes: false)
  }

  var name: String { "\(channel)/\(kind.rawValue)" }

  /// Notes that something broke: what was under way may come again.
  func incident(_ what: String) { history.incident(what) }

  /// Takes on one mood after the other until it is cancelled, and ends well.
  func live(seed: UInt64, longest: Double) async throws {
    var random = SeededRandom(seed: seed)
    while !Task.isCancelled {
      // Well for half of its days.
      let mood = Bool.random(using: &random) ? Mood.well : Mood.allCases.randomElement(using: &random) ?? .well
      moods.withLock { $0.append(mood) }
      if mood == .away {
        await partner.receiver.stop()
        incident("\(name) is away")
      } else {
        take(on: mood)
      }
      try? await Task.sleep(for: .seconds(Double.random(in: 0.2...1, using: &random) * longest))
      if mood == .slow { lateUntil.withLock { $0 = .now + Self.delay * 10 } }
      if mood == .away {
        incident("\(name) comes back")
        try await partner.receiver.start()
      }
    }
    take(on: .well)
  }

  private func take(on mood: Mood) {
    let script = script(mood)
    partner.answer { [self] reception in
      let behaviour = script(reception)
      // Of what was sent ahead on the same connection the answers are lost with it, whatever the mood is by now.
      if connectionsBroken.withLock({ $0.contains(reception.connection) }) { incident("on a broken connection") }
      if ContinuousClock.now < lateUntil.withLock({ $0 }) { incident("behind a late answer") }
      return behaviour
    }
  }

  private func script(_ mood: Mood) -> @Sendable (Reception) -> ReceiverBehaviour {
    // Two of three messages go well in a bad mood, or there would be no more load than timeouts.
    let isHit: @Sendable (Reception) -> Bool = { ($0.number + $0.occurrence) % 3 == 0 }
    func broken(_ behaviour: ReceiverBehaviour) -> @Sendable (Reception) -> ReceiverBehaviour {
      { [self] reception in
        guard isHit(reception) else { return ReceiverBehaviour() }
        connectionsBroken.withLock { _ = $0.insert(reception.connection) }
        return behaviour
      }
    }
    switch mood {
    case .well, .away: return { _ in ReceiverBehaviour() }
    case .refuses: return { isHit($0) ? ReceiverBehaviour(.code(.AE)) : ReceiverBehaviour() }
    // The same for each: a partner that is sent ahead to answers in order.
    case .slow: return { _ in ReceiverBehaviour(delay: Self.delay) }
    case .halfCloses: return broken(ReceiverBehaviour(closing: .halfAfterAnswer))
    case .resets: return broken(ReceiverBehaviour(closing: .resetBeforeAnswer))
    case .silent: return broken(ReceiverBehaviour(.none))
    case .garbles: return broken(ReceiverBehaviour(.garbage))
    }
  }

  /// How often it took on each mood.
  var moodCounts: [Mood: Int] { moods.withLock { Dictionary($0.map { ($0, 1) }, uniquingKeysWith: +) } }

  /// What was sent to its channel laid beside what its partner got, once nothing waits any more.
  ///
  /// - Returns: what is wrong, with all that happened around the first message that it happened to.
  func problems(_ sent: [HistoryEvent]) -> [String] {
    let events = (sent + history.events).enumerated()
      .sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
    let report = kind.check.report(events)
    guard !report.isGood else { return [] }
    let faults = report.keys.filter { $0.key.isFault }.values.flatMap(\.self) + report.disordered.map(\.key)
    return ["\(name): \(report)"] + (faults.first.map { around($0, events) } ?? [])
  }

  /// What happened shortly before and after each thing that happened to a message.
  private func around(_ key: String, _ events: [HistoryEvent]) -> [String] {
    let own = events.filter { $0.key == key }.map { Int64($0.at) }
    guard let first = own.first else { return [] }
    let near = events.filter { event in own.contains { abs(Int64(event.at) - $0) < 400_000_000 } }
    return near.prefix(120).map { event in
      "\((Int64(event.at) - first) / 1_000_000) ms: \(event.kind.rawValue) \(event.key) \(event.value)"
    }
  }
}
