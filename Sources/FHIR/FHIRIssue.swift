import Text

/// One thing that is wrong with a resource, or worth a look. It never repeats what stands there.
package struct FHIRIssue: Sendable, Hashable {
  package enum Severity: String, Sendable, Hashable {
    case error, warning
  }

  /// Of the value set issue-type.
  package enum Code: String, Sendable, Hashable {
    /// The text is no JSON, or has another shape than the resource.
    case structure
    case required
    /// Something of the wrong form: a date that is none.
    case value
    case codeInvalid = "code-invalid"
    /// A rule of the standard across several elements.
    case invariant
    /// More is wrong than is told.
    case tooCostly = "too-costly"
  }

  package var severity: Severity
  package var code: Code
  /// Where in the resource: `Patient.name[0].given[1]`; empty where it is the text.
  package var expression: String
  package var text: String
  /// Bytes before the place.
  package var offset: Int
  /// Both count from 1; a column is a byte.
  package var line = 0
  package var column = 0
}

/// What is wrong as FHIR says it to whoever sent it.
package enum FHIROutcome {
  /// An OperationOutcome of these; of no problem at all where there are none.
  package static func bytes(_ issues: [FHIRIssue], isPretty: Bool = false) -> [UInt8] {
    var writer = JSONWriter(isPretty: isPretty)
    writer.beginObject()
    writer.key("resourceType")
    writer.text("OperationOutcome")
    writer.key("issue")
    writer.beginList()
    for issue in issues {
      write(
        issue.severity.rawValue, issue.code.rawValue, "line \(issue.line), column \(issue.column): \(issue.text)",
        &writer)
      if !issue.expression.isEmpty {
        writer.key("expression")
        writer.beginList()
        writer.text(issue.expression)
        writer.endList()
      }
      writer.endObject()
    }
    if issues.isEmpty {
      write("information", "informational", "nothing is wrong", &writer)
      writer.endObject()
    }
    writer.endList()
    writer.endObject()
    return writer.bytes
  }

  private static func write(_ severity: String, _ code: String, _ text: String, _ writer: inout JSONWriter) {
    writer.beginObject()
    for (key, value) in [("severity", severity), ("code", code), ("diagnostics", text)] {
      writer.key(key)
      writer.text(value)
    }
  }
}
