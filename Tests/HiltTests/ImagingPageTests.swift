import Testing

@Suite("The page about images as HL7 v2 and FHIR")
struct ImagingPageTests {
  static let page = "docs/dicom-to-hl7-fhir.md"
  static let examples = (try? PageExample.read(page).examples) ?? []

  @Test("Its program gives what the page shows", arguments: examples)
  func gives(_ example: PageExample) {
    example.check()
  }

  @Test("It has a program, and each is given something")
  func all() throws {
    let (examples, others) = try PageExample.read(Self.page)
    #expect(!examples.isEmpty)
    #expect(others == [])
  }
}
