package import Text

/// The JSON of PS3.18 annex F, as DICOMweb speaks it.
package enum DICOMJSON {
  /// What becomes of a value that is bytes.
  package enum Bulk: Sendable, Hashable {
    /// It stands in the JSON.
    case inline
    /// It is fetched from there.
    case uri(String)
    /// The element is there without a value.
    case leftOut
  }

  /// Bytes that are longer, and pixels, are left out where nobody says anything else.
  package static let inlineBytesMax = 64 << 10

  package static func bulk(_ element: DICOMElement) -> Bulk {
    let isPixels = [DICOMTag.pixelData, .floatPixelData, .doubleFloatPixelData].contains(element.tag)
    return isPixels || element.valueRange.count > inlineBytesMax ? .leftOut : .inline
  }

  /// Writes a data set as an object.
  ///
  /// - Parameter bulk: what becomes of values that are bytes, empty ones apart.
  /// - Throws: what is wrong with a value; then what is written isn't whole.
  package static func write(
    _ dataSet: DICOMDataSet, to writer: inout JSONWriter, bulk: (DICOMElement) throws -> Bulk = Self.bulk
  ) throws {
    writer.beginObject()
    // An object has no key twice; what stands there first counts.
    var seen: Set<DICOMTag> = []
    for element in dataSet.elements where !element.tag.isGroupLength && seen.insert(element.tag).inserted {
      writer.key(element.tag.digits)
      writer.beginObject()
      writer.key("vr")
      writer.text(element.vr.name)
      try value(element, &writer, bulk)
      writer.endObject()
    }
    writer.endObject()
  }

  private static func value(
    _ element: DICOMElement, _ writer: inout JSONWriter, _ bulk: (DICOMElement) throws -> Bulk
  ) throws {
    if element.isSequence {
      let items = element.items
      if items.isEmpty { return }
      writer.key("Value")
      writer.beginList()
      for item in items { try write(item, to: &writer, bulk: bulk) }
      writer.endList()
      return
    }
    if element.isEmpty { return }
    if element.vr.isBinary || element.isEncapsulated { return try binary(element, &writer, bulk) }
    let values = element.vr == .pn ? try element.names().map { person in { name(person, &$0) } } : try plain(element)
    if values.isEmpty { return }
    writer.key("Value")
    writer.beginList()
    for write in values { write(&writer) }
    writer.endList()
  }

  /// How each value is written, of what is neither a sequence nor bytes. Names of persons stand as in DICOM.
  static func plain(_ element: DICOMElement) throws -> [(inout JSONWriter) -> Void] {
    switch element.vr {
    case .us, .ss, .ul, .sl, .uv, .sv: return try element.integers().map { number in { integer(number, &$0) } }
    case .fl: return try element.floats().map { number in { float(number, "\(Float(number))", &$0) } }
    case .fd: return try element.floats().map { number in { float(number, "\(number)", &$0) } }
    case .at: return try element.tags().map { tag in { $0.text(tag.digits) } }
    case .is, .ds: return try element.texts().map { text in { decimal(text, &$0) } }
    default:
      // JSON is UTF-8, whatever the data set was in.
      let isDeclaration = element.tag == .specificCharacterSet
      let texts = isDeclaration ? ["ISO_IR 192"] : try element.texts()
      return texts.map { text in { text.isEmpty ? $0.null() : $0.text(text) } }
    }
  }

  private static func binary(
    _ element: DICOMElement, _ writer: inout JSONWriter, _ bulk: (DICOMElement) throws -> Bulk
  ) throws {
    switch try bulk(element) {
    case .leftOut: return
    case .uri(let uri):
      writer.key("BulkDataURI")
      writer.text(uri)
    case .inline:
      let bytes = try element.bytes()
      let isTurned = element.entry.encoding.isBigEndian && element.vr.wordBytes > 1
      writer.key("InlineBinary")
      let plain = isTurned ? DICOMEncoder.swapped(bytes, element.vr.wordBytes) : Array(bytes)
      writer.text(String(decoding: Base64Text.text(plain), as: UTF8.self))
    }
  }

  private static func integer(_ number: Int128, _ writer: inout JSONWriter) {
    // Beyond it many readers of JSON lose digits.
    if number.magnitude <= 1 << 53 { writer.number(String(number)) } else { writer.text(String(number)) }
  }

  private static func float(_ number: Double, _ shortest: String, _ writer: inout JSONWriter) {
    if number.isFinite {
      writer.number(shortest)
    } else {
      writer.text(number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity")
    }
  }

  private static func name(_ name: DICOMPersonName, _ writer: inout JSONWriter) {
    let groups = [
      ("Alphabetic", name.alphabetic), ("Ideographic", name.ideographic), ("Phonetic", name.phonetic),
    ].filter { !$0.1.isEmpty }
    if groups.isEmpty { return writer.null() }
    writer.beginObject()
    for (key, text) in groups {
      writer.key(key)
      writer.text(text)
    }
    writer.endObject()
  }

  /// A number as it is written, where JSON writes it so too; else a text.
  private static func decimal(_ text: String, _ writer: inout JSONWriter) {
    if text.isEmpty {
      writer.null()
    } else if (try? JSONDocument(Array(text.utf8)))?.root.number == text {
      // RFC 8259 has fewer forms than DS: `+1` and `.5` are texts.
      writer.number(text)
    } else {
      writer.text(text)
    }
  }
}
