/// Writes JSON piece by piece; commas, and where it is for people line ends, come by themselves.
package struct JSONWriter: Sendable {
  package private(set) var bytes: [UInt8] = []
  /// How many stand in each list or object that is open.
  private var counts: [Int] = []
  private let isPretty: Bool
  /// A key was written, and its value comes next.
  private var isBehindKey = false

  /// - Parameter isPretty: a line for each value, two spaces deeper in each list and object.
  package init(isPretty: Bool = false, capacity: Int = 0) {
    self.isPretty = isPretty
    bytes.reserveCapacity(capacity)
  }

  package mutating func beginObject() { begin(UInt8(ascii: "{")) }
  package mutating func endObject() { end(UInt8(ascii: "}")) }
  package mutating func beginList() { begin(UInt8(ascii: "[")) }
  package mutating func endList() { end(UInt8(ascii: "]")) }

  package mutating func key(_ key: String) {
    separate()
    JSONText.write(key, to: &bytes)
    colon()
  }

  package mutating func text(_ text: String) {
    separate()
    JSONText.write(text, to: &bytes)
  }

  /// - Parameter number: as JSON writes one.
  package mutating func number(_ number: String) { literal(number.utf8) }
  package mutating func boolean(_ flag: Bool) { literal((flag ? "true" : "false").utf8) }
  package mutating func null() { literal("null".utf8) }

  /// A value that a writer has written.
  package mutating func written(_ value: [UInt8]) { literal(value) }

  /// A value that was read, as it stands there.
  package mutating func node(_ node: JSONNode) {
    let document = node.document
    document.bytes.withUnsafeBufferPointer { source in
      document.tape.withUnsafeBufferPointer { tape in _ = copy(node.index, source, tape) }
    }
  }

  /// - Returns: the entry behind it.
  private mutating func copy(
    _ index: Int, _ source: UnsafeBufferPointer<UInt8>, _ tape: UnsafeBufferPointer<JSONDocument.Entry>
  ) -> Int {
    let entry = tape[index]
    switch entry.kind {
    case .object, .list:
      let isObject = entry.kind == .object
      begin(UInt8(ascii: isObject ? "{" : "["))
      var next = index + 1
      while next < entry.next {
        if isObject {
          separate()
          quoted(source, tape[next])
          colon()
          next += 1
        }
        next = copy(next, source, tape)
      }
      end(UInt8(ascii: isObject ? "}" : "]"))
    case .text:
      separate()
      quoted(source, entry)
    case .null, .boolean, .number: literal(source[entry.range])
    }
    return Int(entry.next)
  }

  private mutating func quoted(_ source: UnsafeBufferPointer<UInt8>, _ entry: JSONDocument.Entry) {
    bytes.append(contentsOf: UnsafeBufferPointer(rebasing: source[Int(entry.start) - 1..<Int(entry.end) + 1]))
  }

  private mutating func literal(_ text: some Sequence<UInt8>) {
    separate()
    bytes.append(contentsOf: text)
  }

  private mutating func begin(_ sign: UInt8) {
    separate()
    bytes.append(sign)
    counts.append(0)
  }

  private mutating func end(_ sign: UInt8) {
    if counts.removeLast() > 0 { line() }
    bytes.append(sign)
  }

  private mutating func colon() {
    bytes.append(UInt8(ascii: ":"))
    if isPretty { bytes.append(UInt8(ascii: " ")) }
    isBehindKey = true
  }

  /// What stands before a key or a value.
  private mutating func separate() {
    if isBehindKey {
      isBehindKey = false
      return
    }
    guard let last = counts.indices.last else { return }
    if counts[last] > 0 { bytes.append(UInt8(ascii: ",")) }
    counts[last] += 1
    line()
  }

  private mutating func line() {
    guard isPretty else { return }
    bytes.append(0x0A)
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * counts.count))
  }
}
