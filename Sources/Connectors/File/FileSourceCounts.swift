import ConnectorKit
import Synchronization

/// What an operator sees of a file source; written by its thread, read by any.
final class FileSourceCounts: Sendable {
  private let state = Mutex(SourceStatus())
  private let directory: String

  init(directory: String) { self.directory = directory }

  var status: SourceStatus { state.withLock { $0 } }

  func begins() {
    state.withLock { state in
      state.listening = directory
      if state.peers.isEmpty { state.peers = [SourceStatus.Peer(address: directory)] }
    }
  }

  func ends() {
    state.withLock { $0.listening = nil }
  }

  /// - Parameter milliseconds: since 1970.
  func took(_ count: Int, at milliseconds: Int64) {
    guard count > 0 else { return }
    state.withLock { state in
      guard !state.peers.isEmpty else { return }
      state.peers[0].messages += count
      state.peers[0].lastMessageAt = milliseconds
    }
  }

  func refused(_ count: Int, _ reason: String) {
    state.withLock { state in
      guard !state.peers.isEmpty else { return }
      state.peers[0].refusals += count
      state.peers[0].lastRefusal = reason
    }
  }
}
