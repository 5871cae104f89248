import ConnectorKit
import Dispatch
import Messages
import Store
import Synchronization

/// Reads the answers of one destination's partner: runs the reply transform, and hands what follows from it to the
/// other lanes once that is durable.
///
/// It runs on a queue of its own, because what came in has to be read from the store, and a program may take a while: a
/// connection's event loop isn't held up.
package final class ReplyReader: Sendable {
  private struct Other: Sendable {
    weak let lane: Lane?
  }

  private let destination: Int
  private let pipeline: Pipeline
  private let keys: ChannelKeys
  private let shared: EngineShared
  private let queue = DispatchQueue(label: "hilum.reply")
  /// All lanes of the channel, in the order of its definition.
  private let others = Mutex<[Other]>([])

  init(destination: Int, _ pipeline: Pipeline, _ keys: ChannelKeys, _ shared: EngineShared) {
    self.destination = destination
    self.pipeline = pipeline
    self.keys = keys
    self.shared = shared
  }

  func know(_ lanes: [Lane]) { others.withLock { $0 = lanes.map(Other.init) } }

  /// What a partner answered: the payload with a few words, whether it takes the message or refuses it; `nil` where
  /// there is no answer, and so nothing to judge.
  static func answer(_ result: Result<Reply, DeliveryError>) -> (payload: Payload, summary: String)? {
    switch result {
    case .success(let reply): return reply.payload.map { ($0, reply.summary) }
    case .failure(let failure):
      guard failure.kind == .permanent || failure.kind == .retryable, let reply = failure.reply else { return nil }
      return (reply, failure.code ?? "refused")
    }
  }

  /// - Parameter then: gets what becomes of the delivery, once, on another thread.
  func judge(
    _ answer: (payload: Payload, summary: String), to delivery: WaitingDelivery,
    then: @escaping @Sendable (LaneMachine.End) -> Void
  ) {
    Task {
      let found = await original(delivery.message)
      queue.async { [self] in
        let verdict: LaneMachine.Verdict =
          switch found {
          case .failure(let error): .failed(reason: "what came in can't be read: \(error.reason)")
          case .success(let original): read(answer.payload, delivery, original)
          }
        then(.judged(verdict, summary: answer.summary, reply: answer.payload))
      }
    }
  }

  private typealias Original = (payload: Payload, record: MessageRecord)

  private func original(_ id: MessageID) async -> Result<Original, StoreError> {
    do throws(StoreError) {
      guard let record = try await shared.store.message(id), let raw = try await shared.store.raw(id) else {
        return .failure(StoreError(.damaged, "it is not kept any more"))
      }
      return .success((raw, record))
    } catch {
      return .failure(error)
    }
  }

  private func read(_ answer: Payload, _ delivery: WaitingDelivery, _ original: Original) -> LaneMachine.Verdict {
    let answered = Answered(
      answer: answer, sent: delivery.payload, original: original.payload, attributes: original.record.attributes,
      message: delivery.message, receivedAt: original.record.receivedAt)
    let judgement = shared.strikes.reading(answerTo: delivery.id) { pipeline.judge(answered, of: destination) }
    return switch judgement {
    case .done(let decided, let answer): .done(follows: follows(decided, delivery.message), answer: answer)
    case .retry(let reason): .retry(reason: reason)
    case .dead(let reason): .dead(reason: reason)
    case .hold(let reason): .hold(reason: reason)
    case .failed(let reason): .failed(reason: reason)
    }
  }

  private func follows(_ decided: Decided, _ message: MessageID) -> Acceptance? {
    guard !decided.deliveries.isEmpty || !decided.passedBy.isEmpty || !decided.steps.isEmpty else { return nil }
    let now = shared.clock.now().wall
    return Acceptance(
      id: message, channel: keys.channel, revision: keys.revision, receivedAt: now, payload: Payload(.bytes, []),
      attributes: [:], state: .routed, outputs: decided.outputs,
      deliveries: decided.deliveries.map { delivery in
        let lane = keys.lanes[delivery.lane].key
        return Acceptance.Delivery(
          id: shared.store.mint(), lane: lane, output: delivery.output, rendered: delivery.rendered,
          dead: delivery.dead, orderKeys: delivery.orderKeys.map { shared.store.orderKey(lane: lane, $0) })
      },
      passedBy: decided.passedBy.map { keys.lanes[$0].key },
      steps: decided.steps.map { Step($0.kind, $0.text, lane: $0.lane, at: now) }, replaces: [.routed])
  }

  /// What followed is durable: the other lanes learn of it, in the order of the commits.
  func offer(_ follows: Acceptance, _ sequences: [Int64]) {
    let lanes = others.withLock { $0.compactMap(\.lane) }
    for (delivery, sequence) in zip(follows.deliveries, sequences) {
      guard let lane = lanes.first(where: { $0.key == delivery.lane }) else { continue }
      guard delivery.dead == nil else {
        lane.wasBornDead(delivery.id)
        continue
      }
      lane.offer(
        WaitingDelivery(
          id: delivery.id, message: follows.id, sequence: sequence,
          payload: delivery.output.map { follows.outputs[$0] } ?? follows.payload, rendered: delivery.rendered,
          attempts: 0, dueAt: 0, delay: 0, possiblySent: false, damaged: false, orderKeys: delivery.orderKeys))
    }
  }
}
