import Partners
import Synchronization

/// A partner that takes messages, keeps their bytes and answers as it is told at the moment.
final class Partner: Sendable {
  private let told: Told
  let receiver: MLLPReceiver

  private final class Told: Sendable {
    /// In a struct: a mutex of the function itself would wrap it once more at every look.
    struct Script: Sendable {
      var behaviour: @Sendable (Reception) -> ReceiverBehaviour
    }
    let script = Mutex(Script { _ in ReceiverBehaviour() })
  }

  private init(_ told: Told, _ receiver: MLLPReceiver) {
    self.told = told
    self.receiver = receiver
  }

  static func start(history: HistoryLog? = nil, keepsBytes: Bool = true) async throws -> Partner {
    let partner = made(history: history, keepsBytes: keepsBytes)
    try await partner.receiver.start()
    return partner
  }

  /// A partner that has its port and doesn't listen yet.
  static func away(history: HistoryLog? = nil, keepsBytes: Bool = true) async throws -> Partner {
    let partner = try await start(history: history, keepsBytes: keepsBytes)
    await partner.receiver.stop()
    return partner
  }

  private static func made(history: HistoryLog?, keepsBytes: Bool) -> Partner {
    let told = Told()
    var plan = ReceivePlan { reception in told.script.withLock { $0.behaviour }(reception) }
    plan.keepsBytes = keepsBytes
    plan.history = history
    return Partner(told, MLLPReceiver(plan))
  }

  var port: Int { receiver.port }
  var got: [Reception] { receiver.receptions }
  var controlIDs: [String] { got.map(\.controlID) }

  func answer(_ behaviour: ReceiverBehaviour) { answer { _ in behaviour } }
  func answer(_ script: @escaping @Sendable (Reception) -> ReceiverBehaviour) {
    told.script.withLock { $0.behaviour = script }
  }

  /// Waits until so many messages came, and gives all that did.
  @discardableResult
  func waits(for count: Int, within: Duration = .seconds(20)) async throws -> [Reception] {
    try await receiver.receptions(atLeast: count, within: within)
  }
}

/// Sends messages over one connection, each after the answer to the one before.
func send(_ messages: [[UInt8]], to port: Int, _ change: (inout SendPlan) -> Void = { _ in }) async throws -> SendReport
{
  var plan = SendPlan(PartnerEndpoint(port: port))
  plan.timeout = .seconds(20)
  change(&plan)
  return try await MLLPSender(plan).send(messages)
}
