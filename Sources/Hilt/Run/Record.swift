import Text

/// An object that a program put together, of FHIR or JSON: keys in the order of the program, and their values.
///
/// Values are ready to be written: texts, numbers, truths, lists, records, choices and what was read. One that is
/// absent is left out.
final class Record: Sendable {
  /// A key with the bytes that it is written as, made once when the program is checked.
  struct Key: Sendable {
    let name: String
    /// `"name":`
    let written: [UInt8]

    init(_ name: String) {
      self.name = name
      var bytes: [UInt8] = []
      JSONText.write(name, to: &bytes)
      bytes.append(UInt8(ascii: ":"))
      written = bytes
    }
  }

  /// Of a resource its type.
  let resource: String?
  let keys: [Key]
  let values: [Datum]

  init(resource: String?, keys: [Key], values: [Datum]) {
    self.resource = resource
    self.keys = keys
    self.values = values
  }

  /// What stands at a name: of `valueQuantity` also what a choice `value` holds under that name.
  subscript(name: String) -> Datum {
    for (key, value) in zip(keys, values) {
      if key.name == name { return value }
      if case .choice(let choice) = value, choice.key.name == name { return choice.value }
    }
    return .absent
  }

  /// A copy with other values; what it had not comes behind.
  func with(_ changes: [(key: Key, value: Datum)]) -> Record {
    var (keys, values) = (keys, values)
    for change in changes {
      if let index = keys.firstIndex(where: { $0.name == change.key.name }) {
        values[index] = change.value
      } else {
        keys.append(change.key)
        values.append(change.value)
      }
    }
    return Record(resource: resource, keys: keys, values: values)
  }

  /// Anything in it that is written.
  var isEmpty: Bool { resource == nil && !values.contains { !$0.isAbsent } }
}

/// A value of `value[x]`, with the element that says its type: `valueQuantity`.
final class Choice: Sendable {
  let key: Record.Key
  let value: Datum

  init(_ key: Record.Key, _ value: Datum) {
    self.key = key
    self.value = value
  }
}

extension Datum {
  /// An object as a record: what was read keeps its values as they stand there.
  var record: Record? {
    switch self {
    case .record(let record): return record
    case .json(let node) where node.kind == .object:
      var (keys, values): ([Record.Key], [Datum]) = ([], [])
      var resource: String?
      for (key, value) in node.members {
        let name = key.text ?? ""
        if name == "resourceType" {
          resource = value.text
        } else {
          keys.append(Record.Key(name))
          values.append(.json(value))
        }
      }
      return Record(resource: resource, keys: keys, values: values)
    default: return nil
    }
  }

  /// What an object holds at a name, as it stands there.
  func member(_ name: String) -> Datum {
    switch self {
    case .record(let record): record[name]
    case .json(let node): node[name].map { .json($0) } ?? .absent
    default: .absent
    }
  }

  /// The text of a member, whether it was read or made.
  func text(of name: String) -> String? {
    switch member(name) {
    case .text(let text): text
    case .json(let node): node.text
    default: nil
    }
  }

  /// The elements of a list, whether it was read or made.
  var elements: [Datum] {
    switch self {
    case .list(let values): values
    case .json(let node): node.elements.map { .json($0) }
    default: []
    }
  }
}
