import Testing

@Suite("The page about profiles")
struct ProfilePageTests {
  static let page = "docs/profiles.md"
  static let examples = (try? PageExample.read(page).examples) ?? []

  @Test("Its profile can be read, and its programs give what the page shows", arguments: examples)
  func gives(_ example: PageExample) {
    example.check()
  }

  @Test("Every program of the page is run")
  func all() throws {
    let (examples, others) = try PageExample.read(Self.page)
    #expect(others == [])
    #expect(examples.count == 2)
  }
}
