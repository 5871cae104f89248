import Text

/// Attributes as they stand in JSON: `"PatientID": "17"`, several values as a list, a sequence as a list of objects.
/// What is empty, bytes or too long isn't there.
struct DICOMWrittenAttributes: Sendable {
  /// Longer values are left out: what tells of a study doesn't carry it.
  private static let valueBytesMax = 1 << 10
  private static let sequenceBytesMax = 16 << 10
  private static let depthMax = 4

  private var values: [(keyword: String, json: [UInt8])] = []

  /// Those of a list that the data set has and that aren't here yet.
  mutating func add(_ keywords: [String], of dataSet: DICOMDataSet) {
    for keyword in keywords where !values.contains(where: { $0.keyword == keyword }) {
      var writer = JSONWriter()
      if let element = dataSet[keyword], Self.value(element, depth: 0, &writer) {
        values.append((keyword, writer.bytes))
      }
    }
  }

  mutating func add(_ keyword: String, _ text: String) {
    var writer = JSONWriter()
    writer.text(text)
    values.append((keyword, writer.bytes))
  }

  func write(to writer: inout JSONWriter) {
    for (keyword, json) in values {
      writer.key(keyword)
      writer.written(json)
    }
  }

  /// - Returns: `false` where there is no value that could stand here; then nothing is written.
  private static func value(_ element: DICOMElement, depth: Int, _ writer: inout JSONWriter) -> Bool {
    if element.isSequence { return sequence(element, depth: depth, &writer) }
    guard !element.isEmpty, element.valueRange.count <= valueBytesMax, !element.vr.isBinary,
      let values = try? plain(element), !values.isEmpty
    else { return false }
    if values.count > 1 { writer.beginList() }
    for write in values { write(&writer) }
    if values.count > 1 { writer.endList() }
    return true
  }

  private static func sequence(_ element: DICOMElement, depth: Int, _ writer: inout JSONWriter) -> Bool {
    guard depth < depthMax, element.valueRange.count <= sequenceBytesMax else { return false }
    let items = element.items
    if items.isEmpty { return false }
    writer.beginList()
    for item in items {
      writer.beginObject()
      // Repeating groups share keywords, and an object has no key twice.
      var seen: Set<String> = []
      for element in item.elements where !element.tag.isGroupLength {
        var value = JSONWriter()
        guard let keyword = element.attribute?.keyword, !seen.contains(keyword),
          Self.value(element, depth: depth + 1, &value)
        else { continue }
        seen.insert(keyword)
        writer.key(keyword)
        writer.written(value.bytes)
      }
      writer.endObject()
    }
    writer.endList()
    return true
  }

  /// A whole number stands as one whatever its zeros (`0001`): JSON has no other form of it.
  private static func plain(_ element: DICOMElement) throws -> [(inout JSONWriter) -> Void] {
    guard element.vr == .is, let numbers = try? element.integers(), !numbers.isEmpty else {
      return try DICOMJSON.plain(element)
    }
    return numbers.map { number in { $0.number(String(number)) } }
  }
}
