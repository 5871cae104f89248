/// A stretch of one of a program's files, in bytes of UTF-8.
package struct HiltStretch: Sendable, Hashable, Comparable {
  package let file: String
  package let bytes: Range<Int>

  package static func < (a: HiltStretch, b: HiltStretch) -> Bool {
    (a.file, a.bytes.lowerBound) < (b.file, b.bytes.lowerBound)
  }
}

/// A name that a program gives.
package struct HiltName: Sendable {
  package enum Kind: String, Sendable {
    case value, list, element, turn, constant, parameter, function, argument, table, library
  }

  package let text: String
  package let kind: Kind
  /// Where it is given.
  package let place: HiltStretch
  /// The declaration as a whole: the line of a table, a function with its body.
  package let declaration: HiltStretch
  /// Where it can be used.
  package let extent: HiltStretch
  /// It came from a library.
  package internal(set) var isImported = false
  package internal(set) var uses: [HiltStretch] = []
  /// Of a function: its parameters, as they are written, and what it gives, where that is said.
  package internal(set) var parameters: [String] = []
  package internal(set) var result: String?
  /// Of a table and a library: the file, as the program names it.
  package internal(set) var file: String?
  /// Of a table: its key columns and its value columns.
  package internal(set) var keys: [String] = []
  package internal(set) var columns: [String] = []

  func isVisible(at offset: Int, in file: String) -> Bool {
    if isImported { return true }
    guard extent.file == file else { return false }
    return extent.bytes.lowerBound <= offset && offset <= extent.bytes.upperBound
  }

  /// `mrn(pid: CX) -> text`
  package var signature: String {
    guard kind == .function else { return text }
    return "\(text)(\(parameters.joined(separator: ", ")))" + (result.map { " -> \($0)" } ?? "")
  }
}

/// A lookup in a table whose keys are written as texts: `wards["W1"]`.
package struct HiltLookup: Sendable {
  /// The keys with their brackets.
  package let place: HiltStretch
  /// Among the names.
  package let table: Int
  package let keys: [String]
}

/// A file that a program names.
package struct HiltFileName: Sendable {
  /// As it is written: relative to the program's folder.
  package let path: String
  /// Where it stands, with its quotes.
  package let range: Range<Int>
}
