import Foundation
import Hilt
import Testing

@Suite("The reference page of functions")
struct ReferenceTests {
  @Test("It is what the declarations say")
  func current() throws {
    let url = Corpus.root.appending(path: "docs/reference/hilt-functions.md")
    if ProcessInfo.processInfo.environment["HILT_ACCEPT"] != nil {
      try HiltReference.functions().write(to: url, atomically: true, encoding: .utf8)
    }
    let text = try String(contentsOf: url, encoding: .utf8)
    #expect(text == HiltReference.functions(), "run the tests once with HILT_ACCEPT=1, and read the difference")
  }
}
