import Testing

@testable import Authoring

@Suite struct XMLComparisonTests {
  private func differences(_ expected: String, _ actual: String) -> [String]? {
    XMLComparison.differences(Array(expected.utf8), Array(actual.utf8))?.map { "\($0.line): \($0.text)" }
  }

  @Test(arguments: [
    ("<a><b/><c>x</c></a>", "<a>\n  <b/>\n  <c>x</c>\n</a>"),
    (#"<a x="1" y="2"/>"#, #"<a y="2" x="1"></a>"#),
    (#"<p:a xmlns:p="urn:1" p:x="1"/>"#, #"<a xmlns="urn:1" xmlns:q="urn:1" q:x="1"/>"#),
    ("<a>x &amp; <b/> y</a>", "<?xml version=\"1.0\"?><!-- c --><a>x <![CDATA[&]]> <b/> y</a>"),
  ]) func `the same in other words is no difference`(expected: String, actual: String) {
    #expect(differences(expected, actual) == [])
  }

  @Test func `each difference is named with its place`() {
    #expect(
      differences(
        "<a x='1' y='2'>\n<b>one</b>\n<b>two</b>\n<c/>\n<e/></a>",
        "<a x='2' z='3'><b>one</b><b>three</b><d/></a>") == [
          #"1: /a/@x: expected "1", got "2""#, #"1: /a/@y: expected "2", and it did not come"#,
          #"1: /a/@z: not expected: "3""#, #"3: /a/b[2]: expected "two", got "three""#,
          "4: /a/c[1]: expected an element c, got an element d",
          "5: /a: expected an element e, and it did not come",
        ])
    #expect(differences("<a> x</a>", "<a>x</a>") == [#"1: /a: expected " x", got "x""#])
    #expect(
      differences("<a/>", "<a xmlns='urn:1'><b/></a>") == ["1: /a: expected an element a, got an element a of urn:1"])
    #expect(differences("<a>", "<a/>") == nil)
  }

  @Test func `what is accepted is laid out for a person, and is the same`() throws {
    let bytes = Array("<a><b>x <i>y</i></b><c><d/></c></a>".utf8)
    let pretty = try #require(XMLComparison.pretty(bytes))
    #expect(
      String(decoding: pretty, as: UTF8.self).dropFirst(39)
        == "<a>\n  <b>x <i>y</i></b>\n  <c>\n    <d/>\n  </c>\n</a>\n")
    #expect(XMLComparison.differences(pretty, bytes) == [])
  }
}
