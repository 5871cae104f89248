import Text

/// Writes records as JSON, from the tree of values to bytes.
struct RecordWriter {
  private(set) var bytes: [UInt8] = []
  /// No more than these are wanted.
  private let byteCountMax: Int

  init(upTo byteCountMax: Int) { self.byteCountMax = byteCountMax }

  /// - Parameter byteCountMax: where there is more, it ends soon behind: nothing that is too large is made whole.
  static func bytes(_ datum: Datum, upTo byteCountMax: Int) -> [UInt8] {
    var writer = RecordWriter(upTo: byteCountMax)
    writer.write(datum)
    return writer.bytes
  }

  /// The beginning of it, for the margin of a program.
  static func text(_ datum: Datum, upTo count: Int) -> String {
    var writer = RecordWriter(upTo: count)
    writer.write(datum)
    return String(decoding: writer.bytes.prefix(count), as: UTF8.self)
  }

  mutating func write(_ datum: Datum) {
    switch datum {
    case .text(let text): JSONText.write(text, to: &bytes)
    case .number(let number): append(number.description)
    case .boolean(let flag): append(flag ? "true" : "false")
    case .record(let record): write(record)
    case .choice(let choice): write(choice.value)
    case .json(let node): append(node)
    case .list(let values):
      bytes.append(UInt8(ascii: "["))
      var isFirst = true
      for value in values where !value.isAbsent {
        if bytes.count > byteCountMax { break }
        separate(&isFirst)
        write(value)
      }
      bytes.append(UInt8(ascii: "]"))
    default: append("null")
    }
  }

  private mutating func write(_ record: Record) {
    bytes.append(UInt8(ascii: "{"))
    var isFirst = true
    if let resource = record.resource {
      append("\"resourceType\":\"")
      append(resource)
      bytes.append(UInt8(ascii: "\""))
      isFirst = false
    }
    members(record, &isFirst)
    bytes.append(UInt8(ascii: "}"))
  }

  private mutating func members(_ record: Record, _ isFirst: inout Bool) {
    // By their numbers: what is taken out of a list is counted as a reference, and most of it is looked at once.
    record.keys.withUnsafeBufferPointer { keys in
      record.values.withUnsafeBufferPointer { values in
        for index in values.indices where !values[index].isAbsent {
          if bytes.count > byteCountMax { break }
          separate(&isFirst)
          if case .choice(let choice) = values[index] {
            bytes.append(contentsOf: choice.key.written)
            write(choice.value)
          } else {
            bytes.append(contentsOf: keys[index].written)
            write(values[index])
          }
        }
      }
    }
  }

  private mutating func separate(_ isFirst: inout Bool) {
    if isFirst { isFirst = false } else { bytes.append(UInt8(ascii: ",")) }
  }

  private mutating func append(_ node: JSONNode) {
    var writer = JSONWriter()
    writer.node(node)
    bytes.append(contentsOf: writer.bytes)
  }

  private mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { bytes.append(contentsOf: $0) }
  }
}

// MARK: - Bundles

extension RecordWriter {
  /// A bundle that the program made, entry by entry.
  static func bytes(_ bundle: BundleDraft, upTo byteCountMax: Int) -> [UInt8] {
    var writer = RecordWriter(upTo: byteCountMax)
    writer.bytes.reserveCapacity(1024 + bundle.entries.count << 10)
    writer.append("{\"resourceType\":\"Bundle\"")
    var isFirst = false
    writer.members(bundle.head, &isFirst)
    if !bundle.entries.isEmpty {
      writer.append(",\"entry\":[")
      for (index, entry) in bundle.entries.enumerated() {
        if writer.bytes.count > byteCountMax { break }
        if index > 0 { writer.bytes.append(UInt8(ascii: ",")) }
        writer.write(entry)
      }
      writer.bytes.append(UInt8(ascii: "]"))
    }
    writer.bytes.append(UInt8(ascii: "}"))
    return writer.bytes
  }

  private mutating func write(_ entry: BundleDraft.Entry) {
    append("{\"fullUrl\":\"")
    append(entry.fullURL)
    append("\",\"resource\":")
    write(entry.resource)
    if let request = entry.request {
      append(",\"request\":{\"method\":\"")
      append(request.method)
      append("\",\"url\":")
      JSONText.write(request.url, to: &bytes)
      if let search = request.ifNoneExist {
        append(",\"ifNoneExist\":")
        JSONText.write(search, to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
    bytes.append(UInt8(ascii: "}"))
  }
}
