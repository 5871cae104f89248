import Synchronization

/// What all connections of a source together hold of messages that have not arrived whole. A thousand senders that each
/// send all but the last byte of the largest message would otherwise take all memory there is.
final class MLLPUnfinished: Sendable {
  private let byteCountMax: Int
  private let byteCount = Atomic<Int>(0)

  init(byteCountMax: Int) {
    self.byteCountMax = byteCountMax
  }

  /// - Returns: whether what is held now is within the limit. Holding less is always well.
  func change(by count: Int) -> Bool {
    let (_, new) = byteCount.wrappingAdd(count, ordering: .relaxed)
    return count <= 0 || new <= byteCountMax
  }

  /// For tests.
  var held: Int { byteCount.load(ordering: .relaxed) }
}
