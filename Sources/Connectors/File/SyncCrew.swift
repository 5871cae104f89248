import Dispatch
import Synchronization

/// Brings many small files to disk at once. Each sync of its own makes the disk flush its cache; syncs that run side by
/// side share those flushes, and the file system's commits with them.
///
/// One crew serves all file destinations. Whoever brings files works too, so that helpers that hang on a dead drive
/// only slow others down.
final class SyncCrew: Sendable {
  static let shared = SyncCrew()
  private static let helpersMax = 7

  private struct State {
    var idle = 0
    var helpers = 0
    var waiting: [SyncGroup] = []
  }

  private let state = Mutex(State())
  private let wake = DispatchSemaphore(value: 0)

  /// Returns when all are on disk or known not to be; a fault for each that isn't, in their order.
  func sync(_ files: [OpenFile]) -> [FileFault?] {
    guard !files.isEmpty else { return [] }
    if files.count > 1 {
      for file in files { file.beginSync() }
    }
    let group = SyncGroup(files)
    for _ in 0..<min(files.count - 1, Self.helpersMax) where !callHelper(for: group) { break }
    return group.workAndWait()
  }

  /// `false` where all helpers are busy.
  private func callHelper(for group: SyncGroup) -> Bool {
    let isCalled = state.withLock { state in
      if state.idle > 0 {
        state.idle -= 1
      } else {
        guard state.helpers < Self.helpersMax, (try? startThread { [self] in help() }) != nil else { return false }
        state.helpers += 1
      }
      state.waiting.append(group)
      return true
    }
    if isCalled { wake.signal() }
    return isCalled
  }

  private func help() {
    while true {
      wake.wait()
      let group = state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
      group?.work()
      state.withLock { $0.idle += 1 }
    }
  }
}

/// Files that are brought to disk side by side.
private final class SyncGroup: Sendable {
  private struct State {
    var next = 0
    var left: Int
    var faults: [FileFault?]
  }

  private let files: [OpenFile]
  private let state: Mutex<State>
  private let isDone = DispatchSemaphore(value: 0)

  init(_ files: [OpenFile]) {
    self.files = files
    state = Mutex(State(left: files.count, faults: Array(repeating: nil, count: files.count)))
  }

  /// Takes one file after the other until none is left to take.
  func work() {
    while let index = take() {
      let fault = FileFault.of { () throws(FileFault) in try files[index].sync() }
      let isLast = state.withLock { state in
        state.faults[index] = fault
        state.left -= 1
        return state.left == 0
      }
      if isLast { isDone.signal() }
    }
  }

  func workAndWait() -> [FileFault?] {
    work()
    isDone.wait()
    return state.withLock { $0.faults }
  }

  private func take() -> Int? {
    state.withLock { state in
      guard state.next < files.count else { return nil }
      defer { state.next += 1 }
      return state.next
    }
  }
}
