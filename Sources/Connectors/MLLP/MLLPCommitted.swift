/// Messages that have ended, and of whose two acknowledgements (HL7 v2.9 chapter 2.9.3) the other may follow on the
/// same connection. It says nothing that the lane still needs to know.
struct MLLPCommitted {
  private var controlIDs: [String?] = []
  /// How many such answers were passed over.
  private(set) var passedOverCount = 0

  mutating func add(_ controlID: String?) {
    if controlIDs.count >= MLLPLimits.committedMax { controlIDs.removeFirst() }
    controlIDs.append(controlID)
  }

  /// Whether the answer is such a one; each is expected once.
  mutating func take(_ controlID: String?) -> Bool {
    guard let index = controlIDs.firstIndex(of: controlID) else { return false }
    controlIDs.remove(at: index)
    passedOverCount += 1
    return true
  }

  mutating func removeAll() { controlIDs.removeAll() }
}
