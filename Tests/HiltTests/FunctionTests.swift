import Messages
import Testing

@testable import Hilt

@Suite("Functions of the language")
struct FunctionTests {
  struct Example: Sendable, CustomTestStringConvertible {
    let function: String
    let expression: String
    let gives: String
    var testDescription: String { expression }
  }

  static let examples =
    Function.all.flatMap { function in
      function.examples.map { Example(function: function.name, expression: $0.expression, gives: $0.gives) }
    }
    + ListForm.all.flatMap { form in
      form.examples.map { Example(function: form.form, expression: $0.expression, gives: $0.gives) }
    }

  @Test("Every example gives what the reference says", arguments: examples)
  func example(_ example: Example) throws {
    let context = HiltExpressionContext(place: Place(file: example.function, line: 1, column: 1), files: TrialKeys())
    let (value, problems) = HiltValue.compile(example.expression, context)
    #expect(problems.map { $0.rendered(source: example.expression) } == [])
    let text = try #require(value).text(HiltInput(nil))
    switch text {
    case .absent: #expect(example.gives == "absent")
    case .null: #expect(example.gives == "null")
    case .text(let text): #expect(text == example.gives)
    }
  }

  /// A number is given in the commit, a reference leads into a message, and an object of DICOM is no text: nothing that
  /// an example could show.
  private static let withExamples = Function.all.map(\.name).filter {
    !["sequence", "resolve", "deidentify"].contains($0)
  }

  @Test("Every function has an example that uses it", arguments: withExamples)
  func used(_ name: String) throws {
    let function = try #require(Function.named(name))
    #expect(function.examples.contains { $0.expression.contains(name) })
    #expect(function.summary.hasSuffix("."))
  }
}

/// A key for each name, and no files.
struct TrialKeys: HiltFiles {
  func read(_ path: String) throws -> [UInt8] { try NoHiltFiles().read(path) }
  func key(_ name: String) -> HiltKey? { .forTrials(name) }
}
