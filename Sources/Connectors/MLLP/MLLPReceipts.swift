import ConnectorKit
import NIOCore
import Synchronization

/// Brings receipts from the engine's threads to an event loop: those that come together cross over together, and each
/// connection is flushed once for all of its own.
final class MLLPReceipts: Sendable {
  private typealias Waiting = [(connection: MLLPConnection, receipt: Receipt)]

  private let loop: any EventLoop
  private let waiting = Mutex<Waiting>([])

  init(on loop: any EventLoop) {
    self.loop = loop
  }

  /// From any thread.
  func add(_ receipt: Receipt, for connection: MLLPConnection) {
    let isFirst = waiting.withLock {
      $0.append((connection, receipt))
      return $0.count == 1
    }
    if isFirst { loop.execute { self.handOut() } }
  }

  private func handOut() {
    var batch: Waiting = []
    waiting.withLock { swap(&$0, &batch) }
    for (connection, receipt) in batch { connection.answer(receipt) }
    for (connection, _) in batch { connection.flushAnswers() }
  }
}
