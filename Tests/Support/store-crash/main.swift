// Runs a store under load until it ends or is killed at a failpoint (HILUM_FAILPOINT), and prints what was answered.
//
//   store-crash FOLDER load COUNT     accepts and delivers; prints `accepted ID SEQUENCE` and `delivered ID` once they
//   are durable store-crash FOLDER prune COUNT    accepts COUNT, delivers them, lets them grow old and removes them
//   store-crash FOLDER rotate COUNT   accepts COUNT and rotates the master key store-crash FOLDER strike MARK    puts
//   a mark on the strike board and kills itself
import Glibc
import Messages
import Store
import Synchronization

func say(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  bytes.withUnsafeBytes { _ = write(1, $0.baseAddress, $0.count) }
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let count = Int(arguments[3]) else {
  say("usage: store-crash FOLDER load|prune|rotate|strike COUNT")
  exit(2)
}
let folder = arguments[1]

if arguments[2] == "strike" {
  let board = try StrikeBoard.open(folder + "/strikes")
  _ = board.begin(UInt64(count))
  kill(getpid(), SIGKILL)
}

/// Moved by `prune`; the store's only clock.
let aged = Atomic<Int64>(0)
var settings = StoreSettings()
settings.masterKey = .init(id: "test-1", bytes: [UInt8](repeating: 0x5A, count: 32))
settings.freeBytesMin = 0
settings.ballastBytes = 0
settings.runMessages = 64
settings.duplicateKeysMax = 200
settings.checkpointBytes = 1 << 20
let system = StoreSettings.Clock.system
@Sendable func now() -> Int64 { system.wall() + aged.load(ordering: .relaxed) }
settings.clock = .init(wall: now, monotonic: system.monotonic)

let store = try SQLiteStore.open(folder, settings: settings)
let keys = try await store.register(
  ChannelRegistration(
    name: ChannelName("adt"), lanes: ["ehr", "archive"], columns: ["mrn"],
    revision: (hash: [1, 2, 3], files: [(path: "Channels/adt.yaml", content: Array("channel: adt".utf8))])))

@Sendable func arrival(_ number: Int) -> Acceptance {
  let large = number % 50 == 49
  var text = Array("message \(getpid()) \(number) ".utf8)
  text += [UInt8](repeating: 65, count: large ? 300_000 : 800)
  var arrival = Acceptance(
    id: store.mint(), channel: keys.channel, revision: keys.revision, receivedAt: now(),
    payload: Payload(.hl7v2, text), attributes: ["n": .integer(Int64(number))], state: .routed)
  arrival.duplicateKey = .init(text: "\(getpid()) \(number)", withinMilliseconds: 3_600_000)
  arrival.columns = [.init(key: keys.columns[0], text: "P\(number % 10)")]
  arrival.deliveries = [.init(id: store.mint(), lane: keys.lanes[number % 2].key, output: nil)]
  return arrival
}

/// Accepts and delivers message after message, each when the one before it was answered.
@Sendable func run(_ first: Int, _ step: Int) async {
  var number = first
  while number < count {
    let arrival = arrival(number)
    let result = await withCheckedContinuation { continuation in
      store.accept(arrival) { continuation.resume(returning: $0) }
    }
    guard case .accepted(let sequences, _) = result else {
      say("refused")
      exit(3)
    }
    let delivery = arrival.deliveries[0]
    say("accepted \(arrival.id) \(delivery.lane) \(sequences[0])")
    // Every third waits on.
    if number % 3 != 0 {
      let attempt = Attempt(
        delivery: delivery.id, lane: delivery.lane, sequence: sequences[0], epoch: store.epoch, attempts: 1,
        at: now(), possiblySent: false, end: .delivered(summary: "AA", reply: Payload(.hl7v2, [65])))
      let end = await withCheckedContinuation { continuation in
        store.finish(attempt) { continuation.resume(returning: $0) }
      }
      if end == .done(1) { say("delivered \(delivery.id)") }
    }
    number += step
  }
}

await withTaskGroup(of: Void.self) { group in
  for caller in 0..<8 { group.addTask { await run(caller, 8) } }
}
switch arguments[2] {
case "prune":
  aged.store(10 * 86_400_000, ordering: .relaxed)
  let day: Int64 = 86_400_000
  let keeping = [keys.channel: Retention(raw: day, sent: day, replies: day, blobs: day, record: day)]
  while try await store.prune(keeping, now: now(), rowsMax: 20) {}
case "rotate":
  try await store.rotate(to: .init(id: "test-2", bytes: [UInt8](repeating: 0x77, count: 32)))
default: break
}
await store.close()
say("closed")
