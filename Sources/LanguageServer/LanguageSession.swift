import Dispatch
import Foundation
import Glibc
import Synchronization
import Text

/// Runs a language server over two descriptors until it is told to end, or nobody is there any more.
///
/// One thread reads, so that a request can be taken back while another is worked on; one works. After a change nothing
/// is checked until no message has come for a moment: of many keys in a row the last text counts.
package final class LanguageSession: Sendable {
  /// How long nothing must come before a text is checked.
  package static let pauseMilliseconds = 25
  /// More messages than this don't wait: reading stops until some are done.
  private static let waitingMax = 4_096

  private struct Waiting {
    var messages: [Incoming] = []
    var cancelled: Set<RequestID> = []
  }

  private let waiting = Mutex(Waiting())
  private let came = DispatchSemaphore(value: 0)
  private let room = DispatchSemaphore(value: LanguageSession.waitingMax)
  private let input: Int32
  private let output: Int32

  package init(input: Int32 = 0, output: Int32 = 1) {
    self.input = input
    self.output = output
  }

  /// - Returns: the exit code: 0 where it was shut down before it ended.
  package func run(_ server: consuming LanguageServer) -> Int32 {
    var server = server
    // An editor that is gone is noticed by the write that fails.
    signal(SIGPIPE, SIG_IGN)
    Thread.detachNewThread { [self] in read() }
    var pause = Self.pauseMilliseconds
    while server.exitCode == nil {
      let timeout: DispatchTime = server.hasWork ? .now() + .milliseconds(pause) : .distantFuture
      guard came.wait(timeout: timeout) == .success else {
        for message in server.work() where !send(message) { return 1 }
        // What is left to do waits for nothing more but a message.
        pause = 0
        continue
      }
      pause = Self.pauseMilliseconds
      let (next, isCancelled) = waiting.withLock { waiting in
        let next = waiting.messages.isEmpty ? nil : waiting.messages.removeFirst()
        guard case .request(let id, _, _)? = next else { return (next, false) }
        return (next, waiting.cancelled.remove(id) != nil)
      }
      guard let next else { return server.exitCode ?? 1 }
      room.signal()
      for message in server.receive(next, isCancelled: isCancelled) where !send(message) { return 1 }
    }
    return server.exitCode ?? 1
  }

  // MARK: Reading

  private func read() {
    var framing = MessageFraming()
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(input, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count <= 0 { break }
      for event in framing.receive(chunk[..<count]) {
        switch event {
        case .message(let bytes): put(Incoming(bytes))
        case .violation(let text): put(.invalid(code: -32_700, text, id: nil))
        }
      }
    }
    came.signal()
  }

  private func put(_ message: Incoming) {
    if case .notification("$/cancelRequest", let parameters) = message {
      guard let id = parameters?["id"].flatMap({ RequestID($0) }) else { return }
      waiting.withLock { waiting in
        // What is answered already can't be taken back.
        let isWaiting = waiting.messages.contains { if case .request(id, _, _) = $0 { true } else { false } }
        if isWaiting { waiting.cancelled.insert(id) }
      }
      return
    }
    room.wait()
    waiting.withLock { $0.messages.append(message) }
    came.signal()
  }

  // MARK: Writing

  private func send(_ message: [UInt8]) -> Bool {
    var rest = MessageFraming.frame(message)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
      if count < 0, errno != EINTR { return false }
      rest = rest.dropFirst(max(0, count))
    }
    return true
  }
}
