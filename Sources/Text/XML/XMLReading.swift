internal import CXMLReader

/// Lets libxml2 read a text, and keeps what it calls out. It fetches nothing, and a DOCTYPE ends it before what that
/// declares is looked at.
final class XMLReading {
  private var builder: XMLBuilder
  /// Why it said that the reading ends.
  private var refusal: XMLError.Kind?

  /// Once, before a second thread reads.
  private static let isReady: Bool = {
    hilum_xml_prepare()
    return true
  }()

  private init(_ limits: XMLLimits) { builder = XMLBuilder(limits: limits) }

  static func document(_ bytes: [UInt8], _ limits: XMLLimits) throws(XMLError) -> XMLDocument {
    if bytes.isEmpty { throw XMLError(kind: .empty, line: 0, column: 0) }
    if bytes.count > limits.byteCountMax {
      throw XMLError(kind: .tooLarge(byteCountMax: limits.byteCountMax), line: 0, column: 0)
    }
    _ = isReady
    let reading = XMLReading(limits)
    let result = reading.read(bytes)
    if let kind = reading.kind(of: result) {
      throw XMLError(kind: kind, line: Int(result.line), column: Int(result.column))
    }
    return reading.builder.document(.read)
  }

  private func read(_ bytes: [UInt8]) -> hilum_xml_result {
    var calls = hilum_xml_calls(
      context: Unmanaged.passUnretained(self).toOpaque(),
      begin: {
        XMLReading.of($0).begin(
          $1, UnsafeBufferPointer(start: $2, count: Int($3)), UnsafeBufferPointer(start: $4, count: Int($5)), line: $6)
      },
      end: { XMLReading.of($0).end() },
      text: { XMLReading.of($0).add(UnsafeBufferPointer(start: $1, count: Int($2)), line: $3) })
    return withExtendedLifetime(self) { hilum_xml_read(bytes, bytes.count, &calls) }
  }

  private static func of(_ context: UnsafeMutableRawPointer) -> XMLReading {
    Unmanaged<XMLReading>.fromOpaque(context).takeUnretainedValue()
  }

  /// `nil` where all was read.
  private func kind(of result: hilum_xml_result) -> XMLError.Kind? {
    switch result.end {
    case hilum_xml_read_whole: nil
    case hilum_xml_stopped: refusal
    case hilum_xml_doctype: .doctype
    case hilum_xml_out_of_memory: .noMemory
    default: Self.encodingProblems.contains(Int(result.problem)) ? .encoding : .malformed(Int(result.problem))
    }
  }

  private static let encodingProblems = [
    hilum_xml_invalid_encoding, hilum_xml_unsupported_encoding, hilum_xml_unknown_encoding, hilum_xml_invalid_character,
  ]

  // MARK: What is called out

  private func begin(
    _ name: hilum_xml_name, _ namespaces: UnsafeBufferPointer<hilum_xml_namespace>,
    _ row: UnsafeBufferPointer<hilum_xml_attribute>, line: Int32
  ) -> Bool {
    let declared = namespaces.map { namespace in
      let words = [namespace.prefix, namespace.uri].map { $0.map { String(cString: $0) } ?? "" }
      return XMLDocument.Declaration(prefix: words[0], namespace: words[1])
    }
    let attributes = row.compactMap { attribute -> XMLDocument.Attribute? in
      guard let start = attribute.value, let end = attribute.value_end else { return nil }
      let value = String(decoding: UnsafeBufferPointer(start: start, count: end - start), as: UTF8.self)
      return .init(name: place(of: attribute.name), value: value)
    }
    let known = place(of: name)
    return keep { () throws(XMLError) in try builder.begin(known, attributes, declared, line: line) }
  }

  private func end() -> Bool {
    builder.end()
    return true
  }

  private func add(_ text: UnsafeBufferPointer<UInt8>, line: Int32) -> Bool {
    keep { () throws(XMLError) in try builder.text(text, line: line) }
  }

  /// Whether the reading goes on.
  private func keep(_ body: () throws(XMLError) -> Void) -> Bool {
    do throws(XMLError) {
      try body()
      return true
    } catch {
      refusal = error.kind
      return false
    }
  }

  private func place(of name: hilum_xml_name) -> XMLBuilder.NamePlace {
    let words = [name.prefix, name.local, name.uri].map { word in
      word.map { Array(UnsafeRawBufferPointer(start: $0, count: Self.length($0))) } ?? []
    }
    return builder.place(words)
  }

  private static func length(_ word: UnsafePointer<CChar>) -> Int {
    var count = 0
    while word[count] != 0 { count += 1 }
    return count
  }

  // MARK: Words

  /// What is wrong, for people.
  static func words(_ number: Int) -> String {
    switch number {
    case hilum_xml_document_empty: "no XML stands there"
    case hilum_xml_document_end: "something stands behind the last element's end"
    case hilum_xml_tag_mismatch: "an end tag names another element than is open"
    case hilum_xml_tag_not_finished, hilum_xml_greater_required: "it ends, or goes on, before an element is closed"
    case hilum_xml_undeclared_entity, hilum_xml_undeclared_entity_warning:
      "an entity that XML doesn't have (it has &lt; &gt; &amp; &quot; &apos;)"
    case hilum_xml_semicolon_missing, hilum_xml_name_required: "an & or < that is not written as &amp; or &lt;"
    case hilum_xml_attribute_redefined: "an attribute stands there twice"
    case hilum_xml_less_in_attribute, hilum_xml_attribute_not_started, hilum_xml_attribute_without_value:
      "an attribute without a value in quotes"
    case hilum_xml_undefined_namespace: "a prefix whose namespace is not declared"
    default: "not well-formed XML (libxml2 error \(number))"
    }
  }
}
