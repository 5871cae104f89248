import DICOM
import FHIR

/// The words of the language, for editors: what they complete, and what they show in colours.
package enum HiltVocabulary {
  /// Begin a file, a header or a declaration.
  package static let headers = [
    "transform", "library", "in", "out", "zone", "profile", "import", "param", "table", "const", "fn",
  ]
  /// Begin a statement.
  package static let statements = [
    "let", "var", "remove", "if", "match", "for", "when", "require", "emit", "note",
  ]
  /// End a message, a turn of a loop, or a delivery.
  package static let decisions = Decision.Kind.allCases.map(\.rawValue)
  /// Stand between values, and within statements and declarations.
  package static let connecting = [
    "and", "or", "not", "is", "matches", "catch", "then", "else", "where", "with", "to", "meta", "at", "none", "as",
    "from", "key", "value", "default", "missing", "separator", "header", "columns", "charset", "yes", "no", "last",
    "of",
    "list", "after", "descending",
  ]
  /// Begin a value.
  package static let making = ["new", "copy", "each", "add", "tag"]
  /// Stand for a value, or are asked of one.
  package static let values = ["true", "false", "null", "absent", "valued"]
  /// Have a meaning of their own as names.
  package static let roots = ["msg", "message", "original", "sent"]
  /// Ask something of each element of a list.
  package static let forms = Checker.Quantifier.allCases.map(\.rawValue) + Parser.keyedWords.sorted()
  /// Types that a program names.
  package static let types = ["text", "number", "integer", "boolean", "date", "time", "bytes", "element"]
  package static let formats = ["hl7", "fhir", "json", "xml", "dicom", "delimited", "text", "bytes"]
  /// What DICOM is refused with.
  package static let statuses = DIMSEStatus.names.map(\.name)
  /// Namespaces that documents of healthcare have, as the head declares them.
  package static let namespaces = [
    #"hl7 = "urn:hl7-org:v3""#, #"xsi = "http://www.w3.org/2001/XMLSchema-instance""#, #"sdtc = "urn:hl7-org:sdtc""#,
    #"soap = "http://www.w3.org/2003/05/soap-envelope""#,
  ]
  /// The release of FHIR.
  package static let releases = ["r4"]
  package static let resources = FHIRTables.resourceNames

  /// The codes that an element of a resource or a data type of FHIR may have.
  package static func codes(of element: String, in type: String) -> [String] {
    FHIRTables.type(type)?.element(element)?.codes ?? []
  }

  /// Whether something can be called so.
  package static func isName(_ text: String) -> Bool {
    let isSpelled = text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    guard isSpelled, text.utf8.first.map({ $0 >= 0x5F }) == true else { return false }
    return !Checker.reserved.contains(text) && !Parser.words.contains(text)
  }

  /// What is asked of each element of a list, with how it is written.
  package static var formPages: [FunctionPage] {
    ListForm.all.map { form in
      let name = form.form.prefix { $0 != " " }
      return FunctionPage(
        name: String(name), signature: form.form, parameters: [], summary: form.summary, canFail: false,
        examples: form.examples.map { "\($0.expression) gives \($0.gives)" })
    }
  }

  /// What the reference says of a function.
  package struct FunctionPage: Sendable {
    package let name: String
    package let signature: String
    package let parameters: [String]
    package let summary: String
    package let canFail: Bool
    /// `upper("abc") gives ABC`
    package let examples: [String]
  }

  package static let functions = Function.all.map { function in
    FunctionPage(
      name: function.name, signature: function.signature, parameters: function.parameters.map(\.name),
      summary: function.summary, canFail: function.canFail,
      examples: function.examples.map { "\($0.expression) gives \($0.gives)" })
  }
}
