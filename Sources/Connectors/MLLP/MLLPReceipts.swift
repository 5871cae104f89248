import ConnectorKit
import NIOCore
import Synchronization

/// Brings receipts from the engine's threads to an event loop: those that come together cross over together, and each
/// connection is flushed once for all of its own.
final class MLLPReceipts: Sendable {
  enum News {
    case receipt(Receipt)
    /// The message with this number of its connection is on disk; its receipt is still to come.
    case durable(Int, isRejected: Bool)
  }

  private typealias Waiting = [(connection: MLLPConnection, news: News)]

  private let loop: any EventLoop
  private let waiting = Mutex<Waiting>([])

  init(on loop: any EventLoop) {
    self.loop = loop
  }

  /// From any thread.
  func add(_ news: News, for connection: MLLPConnection) {
    let isFirst = waiting.withLock {
      $0.append((connection, news))
      return $0.count == 1
    }
    if isFirst { loop.execute { self.handOut() } }
  }

  private func handOut() {
    var batch: Waiting = []
    waiting.withLock { swap(&$0, &batch) }
    for (connection, news) in batch {
      switch news {
      case .receipt(let receipt): connection.answer(receipt)
      case .durable(let number, let isRejected): connection.isDurable(number, isRejected: isRejected)
      }
    }
    for (connection, _) in batch { connection.flushAnswers() }
  }
}
