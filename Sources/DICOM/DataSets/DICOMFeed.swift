/// Bytes as they come, and the index that is made of them.
struct DICOMFeed {
  var store: DICOMStore
  var parser: DICOMParser
  /// Everything is in memory already: nothing is left out.
  let keepsAll: Bool
  let limits: DICOMLimits
  /// How many bytes of a value are still to come that isn't kept.
  private(set) var bytesToSkip = 0
  private(set) var isDone = false

  /// Of values that aren't needed shorter ones are kept all the same: leaving them out would cost more.
  static let leftOutBytesMin = 4096

  init(_ store: DICOMStore, _ parser: DICOMParser, keepsAll: Bool, limits: DICOMLimits) {
    self.store = store
    self.parser = parser
    self.keepsAll = keepsAll
    self.limits = limits
  }

  mutating func receive(_ bytes: some Collection<UInt8>) throws(DICOMError) {
    if bytesToSkip > 0 {
      let count = min(bytesToSkip, bytes.count)
      skip(count)
      if count < bytes.count { try receive(Array(bytes.dropFirst(count))) }
      return
    }
    store.append(bytes)
    try run()
  }

  /// Counts bytes of a value that isn't kept, which nobody needs to hand over.
  mutating func skip(_ count: Int) {
    precondition(count <= bytesToSkip, "more is skipped than can be")
    store.leaveOut(count: count)
    bytesToSkip -= count
  }

  mutating func run() throws(DICOMError) {
    while true {
      switch try parser.run(store) {
      case .more:
        if !keepsAll, store.bytes.count > limits.keptBytesMax {
          throw DICOMError(.tooLarge(bytesMax: limits.keptBytesMax), offset: parser.at, path: "")
        }
        return
      case .done:
        isDone = true
        return
      case .value(let range):
        guard !keepsAll, range.count >= Self.leftOutBytesMin else { continue }
        let came = min(store.end, range.upperBound)
        let rest = store.slice(came..<store.end).map(Array.init) ?? []
        store.leaveOut(from: range.lowerBound, count: came - range.lowerBound)
        bytesToSkip = range.upperBound - store.end
        if !rest.isEmpty { store.append(rest) }
      }
    }
  }

  /// The meta group is read: what follows is read by another parser.
  mutating func goOn(_ next: DICOMParser) {
    parser = next
    isDone = false
  }

  /// Takes the bytes from an offset on away, for somebody else.
  mutating func takeRest(from offset: Int) -> [UInt8] {
    let rest = store.slice(offset..<store.end).map(Array.init) ?? []
    store.leaveOut(from: offset, count: rest.count)
    return rest
  }

  mutating func finish() throws(DICOMError) {
    try run()
    try parser.finish(store)
  }
}
