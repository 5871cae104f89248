import ConnectorKit
import Synchronization

/// One sender, known by its address, over all its connections. Written on event loops, read from anywhere.
final class Peer: Sendable {
  let address: String
  private let messages = Atomic<Int>(0)
  /// Milliseconds since 1970; 0 for never.
  private let lastMessageAt = Atomic<Int64>(0)
  private let rest = Mutex(Rest())

  private struct Rest {
    /// When its open connections were opened.
    var openedAt: [ObjectIdentifier: Int64] = [:]
    var lastRefusal: String?
    var refusals = 0
  }

  init(address: String) {
    self.address = address
  }

  func opened(_ connection: AnyObject) {
    rest.withLock { $0.openedAt[ObjectIdentifier(connection)] = UnixTime.milliseconds() }
  }

  func closed(_ connection: AnyObject) {
    rest.withLock { _ = $0.openedAt.removeValue(forKey: ObjectIdentifier(connection)) }
  }

  func received() {
    messages.wrappingAdd(1, ordering: .relaxed)
    lastMessageAt.store(UnixTime.milliseconds(), ordering: .relaxed)
  }

  /// - Parameter reason: in our words, without content.
  func refused(_ reason: String) {
    rest.withLock {
      $0.lastRefusal = reason
      $0.refusals += 1
    }
  }

  var isConnected: Bool { rest.withLock { !$0.openedAt.isEmpty } }

  var status: SourceStatus.Peer {
    let last = lastMessageAt.load(ordering: .relaxed)
    return rest.withLock {
      SourceStatus.Peer(
        address: address, connectedAt: $0.openedAt.values.min(), lastMessageAt: last == 0 ? nil : last,
        messages: messages.load(ordering: .relaxed), lastRefusal: $0.lastRefusal, refusals: $0.refusals)
    }
  }
}

/// The senders of one source, for as long as it exists; the longest unseen is forgotten when there are too many.
final class Peers: Sendable {
  private static let countMax = 256

  /// In the order in which they were last looked up.
  private let known = Mutex<[Peer]>([])

  func peer(_ address: String) -> Peer {
    known.withLock { known in
      if let index = known.firstIndex(where: { $0.address == address }) {
        let peer = known.remove(at: index)
        known.append(peer)
        return peer
      }
      if known.count >= Self.countMax {
        known.remove(at: known.firstIndex { !$0.isConnected } ?? 0)
      }
      let peer = Peer(address: address)
      known.append(peer)
      return peer
    }
  }

  var status: [SourceStatus.Peer] {
    known.withLock { $0 }.map(\.status).sorted { $0.address < $1.address }
  }
}
