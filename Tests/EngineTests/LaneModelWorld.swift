import Engine

/// How one seed's world is: what is likely in it, and what the lane may do.
struct LaneModelWorld {
  /// Whose turn it is in a step.
  enum Turn: CaseIterable { case commit, call, perform, partner, refill, hear, time }

  var policy = LanePolicy()
  // The chances of each event at its turn.
  var losesConnection: Double
  var refusesConnection: Double
  var refuses: Double
  var cancels: Double
  /// What it refuses it has accepted, and says nothing of.
  var isSilent: Double
  /// It answers something by itself that waits to be sent again.
  var answersLater: Double
  var crash: Double
  var restart: Double
  var arrival: Double
  var people: Double
  var damages: Double
  var refillFails: Double
  var burstEnds: Double
  var answersInOrder: Bool
  /// Answers go through a reply transform.
  var judges: Bool
  /// Messages fail and keep their places.
  var fails: Bool
  /// No more arrives while so many wait.
  var waitingMax: Int
  /// How much time may pass at once, in milliseconds.
  var tick: Int64
  /// How many different keys deliveries have.
  var keyCount: UInt64
  /// How often each of them comes to its turn, against the others.
  var turns: [(turn: Turn, weight: Int)]

  init(_ random: inout SeededRandom) {
    func one<Value>(of values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &random)] }
    policy.window = one(of: [1, 1, 2, 8])
    policy.order = one(of: [nil, nil, .keys, .keys, .keys, KeyOrder.Rule.none])
    policy.inFlight = one(of: [1, 2, 8])
    keyCount = one(of: [1, 3, 10, 50])
    policy.unconfirmedMax = one(of: [1, 4, 32])
    policy.heldCountMax = one(of: [1, 4, 16, 64])
    policy.heldBytesMax = one(of: [100, 500, 100_000])
    policy.retry.firstMilliseconds = 100
    policy.retry.longestMilliseconds = 3000
    policy.retry.forMilliseconds = one(of: [nil, nil, 10_000])
    policy.refused["AE"] = one(of: [0, 3])
    losesConnection = one(of: [0, 0.02, 0.2, 0.9])
    refusesConnection = one(of: [0, 0.02, 0.2])
    refuses = one(of: [0, 0.05, 0.2])
    cancels = one(of: [0, 0, 0.05])
    isSilent = one(of: [0, 0, 0.5])
    answersLater = one(of: [0, 0, 0.1])
    crash = one(of: [0, 0.002, 0.01])
    restart = one(of: [0, 0.002])
    arrival = one(of: [0.05, 0.2, 0.4])
    people = one(of: [0, 0.02, 0.1])
    damages = one(of: [0, 0.01])
    refillFails = one(of: [0, 0.1])
    burstEnds = one(of: [0.005, 0.02, 0.1])
    answersInOrder = one(of: [true, true, false])
    policy.holdsRefused = one(of: [false, true])
    judges = one(of: [false, false, true])
    fails = one(of: [false, false, true])
    waitingMax = one(of: [2, 6, 30, 150])
    tick = one(of: [20, 200, 2000])
    turns = []
    for turn in Turn.allCases { turns.append((turn, one(of: [1, 3, 10]))) }
  }

  /// A good partner, nobody who interferes, and nothing new.
  mutating func calm() {
    losesConnection = 0
    refusesConnection = 0
    refuses = 0
    cancels = 0
    crash = 0
    restart = 0
    arrival = 0
    people = 0
    damages = 0
    fails = false
  }

  /// How many may be under way at once.
  var atOnceMax: Int { policy.order == nil ? policy.window : policy.inFlight }

  func turn(_ random: inout SeededRandom) -> Turn {
    var number = Int.random(in: 0..<turns.reduce(0) { $0 + $1.weight }, using: &random)
    for (turn, weight) in turns {
      if number < weight { return turn }
      number -= weight
    }
    return .time
  }
}
