/// A JSON text that was read: each value as it stands in the bytes. `1.10` stays `1.10`, keys keep their order, and no
/// key is there twice.
///
/// What is kept beside the bytes is a tape of one entry for each value and key, in the order of the text; nothing is
/// decoded before it is asked for.
package struct JSONDocument: Sendable {
  package let bytes: [UInt8]
  let tape: [Entry]

  /// One value or key.
  struct Entry: Sendable {
    /// Of its first byte; of a text, of the one behind its quote.
    var start: UInt32
    /// Behind its last byte; of a text, of its closing quote.
    var end: UInt32
    /// The entry behind it and all that is in it.
    var next: UInt32
    private var packed: UInt32

    init(_ kind: JSONKind, from start: Int, to end: Int, next: Int, isEscaped: Bool = false) {
      self.start = UInt32(truncatingIfNeeded: start)
      self.end = UInt32(truncatingIfNeeded: end)
      self.next = UInt32(truncatingIfNeeded: next)
      packed = UInt32(kind.rawValue) | (isEscaped ? 8 : 0)
    }

    var kind: JSONKind { JSONKind(rawValue: UInt8(packed & 7)).unsafelyUnwrapped }
    /// Escapes stand in it.
    var isEscaped: Bool { packed & 8 != 0 }
    /// How many members or elements it has.
    var count: Int {
      get { Int(packed >> 4) }
      set { packed = packed & 15 | UInt32(truncatingIfNeeded: newValue) << 4 }
    }
    var range: Range<Int> { Int(start)..<Int(end) }
  }

  /// - Throws: what is wrong first.
  package init(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
    tape = try JSONParser.tape(of: bytes, limits)
    self.bytes = bytes
  }

  package var root: JSONNode { JSONNode(self, 0) }
}

package enum JSONKind: UInt8, Sendable, Hashable {
  case null, boolean, number, text, list, object
}

/// What is refused before it costs anything.
package struct JSONLimits: Sendable {
  package var byteCountMax: Int
  /// Lists and objects in one another.
  package var depthMax: Int

  /// - Parameter byteCountMax: at most 1 GiB.
  package init(byteCountMax: Int = 256 << 20, depthMax: Int = 128) {
    self.byteCountMax = min(byteCountMax, 1 << 30)
    self.depthMax = depthMax
  }
}

/// One value of a document.
package struct JSONNode: Sendable {
  package let document: JSONDocument
  let index: Int

  init(_ document: JSONDocument, _ index: Int) {
    self.document = document
    self.index = index
  }

  private var entry: JSONDocument.Entry { document.tape[index] }

  package var kind: JSONKind { entry.kind }

  /// Where it stands; of a text, between its quotes.
  package var range: Range<Int> { entry.range }

  /// Of a text what it says; `nil` for anything else.
  package var text: String? { kind == .text ? JSONText.decoded(document.bytes, entry) : nil }

  /// Of a number how it is written.
  package var number: String? { kind == .number ? String(decoding: document.bytes[range], as: UTF8.self) : nil }

  package var boolean: Bool? {
    kind == .boolean ? document.bytes[Int(entry.start)] == UInt8(ascii: "t") : nil
  }

  /// How many members or elements it has; 0 for anything but a list and an object.
  package var count: Int { entry.count }

  /// Of a list.
  package var elements: Elements { Elements(self, of: .list) }

  /// Of an object, in the order of the text.
  package var members: Members { Members(self) }

  /// The value of a key; `nil` where the object has none, and for anything but an object.
  package subscript(key: String) -> JSONNode? {
    guard kind == .object else { return nil }
    var key = key
    return key.withUTF8 { wanted in
      var index = index + 1
      let tape = document.tape
      for _ in 0..<count {
        if JSONText.isEqual(document.bytes, tape[index], wanted) { return JSONNode(document, index + 1) }
        index = Int(tape[index + 1].next)
      }
      return nil
    }
  }

  /// The bytes of it, as they came: a text with its quotes.
  package var source: ArraySlice<UInt8> {
    kind == .text ? document.bytes[range.lowerBound - 1..<range.upperBound + 1] : document.bytes[range]
  }

  package struct Elements: Sequence, IteratorProtocol {
    private let document: JSONDocument
    private var index: Int
    private let end: Int

    /// What stands one level down in a node of a kind: of an object its keys and values in turn.
    fileprivate init(_ node: JSONNode, of kind: JSONKind) {
      document = node.document
      index = node.index + 1
      end = node.kind == kind ? Int(node.entry.next) : 0
    }

    package mutating func next() -> JSONNode? {
      guard index < end else { return nil }
      defer { index = Int(document.tape[index].next) }
      return JSONNode(document, index)
    }
  }

  package struct Members: Sequence, IteratorProtocol {
    private var entries: Elements

    fileprivate init(_ node: JSONNode) { entries = Elements(node, of: .object) }

    /// The key as a node of kind text, and its value.
    package mutating func next() -> (key: JSONNode, value: JSONNode)? {
      guard let key = entries.next(), let value = entries.next() else { return nil }
      return (key, value)
    }
  }
}
