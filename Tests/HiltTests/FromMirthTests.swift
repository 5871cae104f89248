import Foundation
import Testing

@Suite("The page for those who come from Mirth")
struct FromMirthTests {
  static let page = "docs/from-mirth.md"
  static let examples = (try? PageExample.read(page).examples) ?? []

  @Test("Every program of the page compiles without a problem and gives what the page shows", arguments: examples)
  func gives(_ example: PageExample) {
    example.check()
  }

  @Test("Every program of the page is given something, and there are twelve jobs")
  func all() throws {
    let (examples, others) = try PageExample.read(Self.page)
    #expect(others == [])
    #expect(Set(examples.map(\.given.program)).count == 12)
    for example in examples {
      let shows = !example.given.sections("output").isEmpty || !example.given.sections("outcome").isEmpty
      #expect(shows, "\(example) shows neither an output nor an outcome")
    }
  }
}
