/// What happened to one key.
struct KeyHistory {
  var sentHash: String?
  /// A client read AA or CA.
  var isAccepted = false
  private var hasRefusal = false
  var receivedAt: [UInt64] = []
  var receivedHashes: [String] = []
  /// The place of its first reception among all first receptions.
  var firstReceivedPosition: Int?
  /// For each reception, whether the partner said AA or CA to it; `nil` where it did not answer (or nobody noted it).
  var replies: [Bool?] = []
  var isTaken = false

  /// A client read a refusal and never an acceptance.
  var isRefused: Bool { hasRefusal && !isAccepted }

  mutating func answered(_ code: String) {
    if AcknowledgementCode(rawValue: code)?.isAcceptance == true { isAccepted = true } else { hasRefusal = true }
  }
}

/// The histories of all keys, in the order in which the keys appeared.
struct KeyHistories {
  private(set) var inOrder: [String] = []
  /// Lane and key of each first acceptance that a client read.
  private(set) var accepted: [(lane: String, key: String)] = []
  /// When something was broken on purpose.
  private(set) var incidents: [UInt64] = []
  /// When each key was received first.
  private(set) var firstReceptions: [UInt64] = []
  private var histories: [String: KeyHistory] = [:]

  init(_ events: [HistoryEvent], receivedOn: String?) {
    // A partner that notes no replies is taken to have accepted what it received.
    let notesReplies = events.contains { $0.kind == .replied }
    for event in events {
      switch event.kind {
      case .incident: incidents.append(event.at)
      case .sent, .answered: client(event)
      case .received, .replied:
        if receivedOn == nil || receivedOn == event.lane { partner(event, notesReplies: notesReplies) }
      }
    }
  }

  subscript(key: String) -> KeyHistory? { histories[key] }

  /// Makes a key known that no event may have named.
  mutating func note(_ key: String) {
    guard histories[key] == nil else { return }
    histories[key] = KeyHistory()
    inOrder.append(key)
  }

  private mutating func client(_ event: HistoryEvent) {
    note(event.key)
    if event.kind == .sent {
      histories[event.key]?.sentHash = event.value
    } else {
      let before = histories[event.key]?.isAccepted == true
      histories[event.key]?.answered(event.value)
      if !before, histories[event.key]?.isAccepted == true { accepted.append((event.lane, event.key)) }
    }
  }

  private mutating func partner(_ event: HistoryEvent, notesReplies: Bool) {
    note(event.key)
    guard var history = histories[event.key] else { return }
    if event.kind == .received {
      if history.firstReceivedPosition == nil {
        history.firstReceivedPosition = firstReceptions.count
        firstReceptions.append(event.at)
      }
      history.receivedAt.append(event.at)
      history.receivedHashes.append(event.value)
      history.replies.append(notesReplies ? nil : true)
      if !notesReplies { history.isTaken = true }
    } else if let open = history.replies.firstIndex(of: nil) {
      // Replies to one key come in the order of its receptions; a late one belongs to an earlier reception.
      let isAcceptance = AcknowledgementCode(rawValue: event.value)?.isAcceptance == true
      history.replies[open] = isAcceptance
      if isAcceptance { history.isTaken = true }
    }
    histories[event.key] = history
  }
}

/// Whether a partner may have got a message again.
///
/// At-least-once delivery repeats what the engine could not know to be taken: a message to which the partner gave no
/// acceptance, and what was in flight when something broke: its reply may have been lost on the way or not yet been
/// durable.
struct RepeatCheck {
  private let incidents: [UInt64]
  private let firstReceptions: [UInt64]
  private let inFlightMax: Int

  init(_ keys: KeyHistories, inFlightMax: Int) {
    incidents = keys.incidents.sorted()
    firstReceptions = keys.firstReceptions.sorted()
    self.inFlightMax = inFlightMax
  }

  func allows(_ history: KeyHistory) -> Bool {
    guard history.receivedAt.count > 1 else { return true }
    return (1..<history.receivedAt.count).allSatisfy { index in
      history.replies[index - 1] != true
        || brokeWhileInFlight(from: history.receivedAt[index - 1], until: history.receivedAt[index])
    }
  }

  private func brokeWhileInFlight(from first: UInt64, until second: UInt64) -> Bool {
    let next = Self.countBelow(first, in: incidents)
    guard next < incidents.count, incidents[next] <= second else { return false }
    // What came after it and before the break was in flight with it.
    let before = Self.countBelow(first + 1, in: firstReceptions)
    return Self.countBelow(incidents[next], in: firstReceptions) - before < inFlightMax
  }

  /// How many of a sorted list are below a time.
  private static func countBelow(_ time: UInt64, in sorted: [UInt64]) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle] < time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
