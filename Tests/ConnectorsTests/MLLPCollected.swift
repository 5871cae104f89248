import Synchronization

/// What a stand-in has seen, in order; a test waits until there is enough of it.
final class Collected<Element: Sendable>: Sendable {
  private struct State {
    var elements: [Element] = []
    var isFinished = false
    var waiting: [(count: Int, continuation: CheckedContinuation<[Element], Never>)] = []
  }
  private let state = Mutex(State())

  /// What there is now.
  var now: [Element] { state.withLock { $0.elements } }

  func add(_ element: Element) { change { $0.elements.append(element) } }

  /// Nothing more will come: who waits gets what there is.
  func finish() { change { $0.isFinished = true } }

  private func change(_ body: (inout State) -> Void) {
    let ready = state.withLock { state in
      body(&state)
      let enough = state.isFinished ? Int.max : state.elements.count
      let ready = state.waiting.filter { $0.count <= enough }.map { ($0.continuation, state.elements) }
      state.waiting.removeAll { $0.count <= enough }
      return ready
    }
    for (continuation, elements) in ready { continuation.resume(returning: elements) }
  }

  /// All there is as soon as there are so many, or when nothing more will come.
  func first(_ count: Int) async -> [Element] {
    await withCheckedContinuation { continuation in
      let elements = state.withLock { state -> [Element]? in
        if state.isFinished || state.elements.count >= count { return state.elements }
        state.waiting.append((count, continuation))
        return nil
      }
      if let elements { continuation.resume(returning: elements) }
    }
  }
}
