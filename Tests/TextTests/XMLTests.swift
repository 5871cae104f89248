import Foundation
import Testing

@testable import Text

@Suite struct XMLTests {
  private func read(_ text: String, _ limits: XMLLimits = XMLLimits()) throws -> XMLNode {
    try XMLDocument(Array(text.utf8), limits: limits).root
  }

  private func written(_ node: XMLNode) -> String {
    var writer = XMLWriter()
    writer.node(node)
    return String(String(decoding: writer.bytes, as: UTF8.self).dropFirst(38))
  }

  private func said(_ text: String, _ limits: XMLLimits = XMLLimits()) -> String {
    do {
      return written(try read(text, limits))
    } catch let error as XMLError {
      return "\(error.line):\(error.column) \(error.kind)"
    } catch {
      return "\(error)"
    }
  }

  @Test func `elements, attributes and characters stand where they stand`() throws {
    let root = try read(
      """
      <?xml version="1.0"?>
      <!-- none -->
      <a x="1" p:y="&lt;2&gt;" xmlns="urn:d" xmlns:p="urn:p">one<b/>two &amp; <![CDATA[<three>]]><?pi x?>
        <p:c>four</p:c></a>
      """)
    #expect(root.name == .init("a", in: "urn:d") && root.line == 3 && root.parent == nil)
    #expect(root.attribute("x") == "1" && root.attribute("y", in: "urn:p") == "<2>" && root.attribute("y") == nil)
    #expect(root.attributes.map(\.name.local) == ["x", "y"])
    #expect(root.children.map { $0.name?.local ?? $0.text } == ["one", "b", "two & <three>\n  ", "c"])
    #expect(root.elements.map { $0.name?.namespace } == ["urn:d", "urn:p"])
    #expect(root.text == "onetwo & <three>\n  four")
    let last = try #require(root.elements.map(\.self).last)
    #expect(last.parent?.identity == root.identity && last.text == "four" && last.line == 4)
  }

  @Test(arguments: [
    "<a/>", "<a>x</a>", #"<a xmlns="urn:d"><b/><p:c xmlns:p="urn:p" p:x="1" y="&quot;&amp;&#10;&#9;"/></a>"#,
    #"<a xmlns="urn:d"><b xmlns=""><c/></b><d/></a>"#, "<a>&lt;&amp;&gt;&#13;\n\tä😀</a>", #"<a xml:lang="de"/>"#,
    #"<p:a xmlns:p="urn:1"><p:a xmlns:p="urn:2"/><p:b/></p:a>"#,
  ]) func `what is written again is what was read`(text: String) { #expect(said(text) == text) }

  @Test func `a part of a document keeps the namespaces that its values mean`() throws {
    let root = try read(
      """
      <a xmlns="urn:d" xmlns:v="urn:v" xmlns:p="urn:1"><b xmlns:p="urn:2"><c t="v:x"/></b><d xmlns=""><e/></d></a>
      """)
    let parts = try XPath("//*[not(*)]").evaluate(at: root)
    var found: [String] = []
    if case .items(let items) = parts { for case .node(let node) in items { found.append(written(node)) } }
    #expect(
      found == [
        #"<c xmlns="urn:d" xmlns:v="urn:v" xmlns:p="urn:2" t="v:x"/>"#, #"<e xmlns:v="urn:v" xmlns:p="urn:1"/>"#,
      ])
  }

  @Test(arguments: [
    ("", "0:0 empty"), ("<a>", "1:1 malformed(77)"), ("<a></b>", "1:8 malformed(76)"), ("<a/><b/>", "1:5 malformed(5)"),
    ("<a x=1/>", "1:6 malformed(39)"), ("<a x='1' x='2'/>", "1:15 malformed(42)"), ("<p:a/>", "1:5 malformed(201)"),
    ("<a>&nbsp;</a>", "1:10 malformed(26)"), ("<a>\u{1}</a>", "1:4 encoding"), ("text", "1:1 malformed(4)"),
    ("<!DOCTYPE a><a/>", "1:12 doctype"), ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "1:40 doctype"),
    ("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "1:13 doctype"),
    ("<?xml version='1.0' encoding='x-none'?><a/>", "1:38 encoding"),
  ]) func `what is no XML, or could be more than it seems, is refused`(text: String, error: String) {
    #expect(said(text) == error)
  }

  @Test func `every problem has words`() {
    for number in 0...801 { #expect(!XMLReading.words(number).isEmpty) }
  }

  @Test func `other character sets are read, and bytes that are none of them refused`() throws {
    let latin: [UInt8] = Array("<?xml version='1.0' encoding='ISO-8859-1'?><a>M".utf8) + [0xFC] + Array("ller</a>".utf8)
    #expect(try XMLDocument(latin).root.text == "Müller")
    let wide: [UInt8] = [0xFF, 0xFE] + "<a>Müller</a>".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    #expect(try XMLDocument(wide).root.text == "Müller")
    let broken: [UInt8] = Array("<a>".utf8) + [0xFC] + Array("</a>".utf8)
    #expect { try XMLDocument(broken) } throws: {
      ($0 as? XMLError)?.kind == .encoding
    }
  }

  @Test func `size, depth and number have limits`() {
    let deep = { (count: Int) in String(repeating: "<a>", count: count) + String(repeating: "</a>", count: count) }
    #expect(said(deep(127)).hasPrefix("<a>") && said(deep(129)).hasSuffix("tooDeep(depthMax: 128)"))
    #expect(said(deep(500_000)).hasSuffix("tooDeep(depthMax: 128)"))
    #expect(said("<a/>", XMLLimits(byteCountMax: 3)) == "0:0 tooLarge(byteCountMax: 3)")
    #expect(said("<a><b/><b/><b/></a>", XMLLimits(nodeCountMax: 3)).hasSuffix("tooManyNodes(nodeCountMax: 3)"))
    let wide = "<a>\(String(repeating: "<b c='d'>e</b>", count: 20_000))</a>"
    #expect(throws: Never.self) { try read(wide) }
  }

  @Test(arguments: [("<a>", "</a>"), ("<a><![CDATA[", "]]></a>"), ("<a b='", "'/>"), ("<a><!--", "--></a>")])
  func `a document within a document has room`(before: String, after: String) throws {
    // As a CDA document holds a PDF: in base64, with line ends or without.
    let line = String(repeating: "JVBE", count: 19) + "\n"
    for filler in [String(repeating: line, count: 150_000), String(repeating: "JVBE", count: 3_000_000)] {
      let root = try read(before + filler + after)
      #expect([0, filler.utf8.count].contains((root.attribute("b") ?? root.text).utf8.count))
    }
  }

  @Test func `names are told apart byte for byte`() throws {
    let text = "<a \u{E9}=\"1\" e\u{301}=\"2\"/>"
    #expect(said(text) == text)
  }

  @Test func `nothing is read from elsewhere`() throws {
    let place = FileManager.default.temporaryDirectory.appending(path: "xml-\(UUID().uuidString)")
    try "<!ENTITY x 'found'>".write(to: place, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: place) }
    for text in [
      "<!DOCTYPE a SYSTEM '\(place.path)'><a>&x;</a>",
      "<!DOCTYPE a [<!ENTITY % p SYSTEM '\(place.path)'>%p;]><a>&x;</a>",
    ] { #expect(said(text).hasSuffix("doctype")) }
    let including = "<a xmlns:i=\"http://www.w3.org/2001/XInclude\"><i:include href=\"\(place.path)\"/></a>"
    #expect(said(including).contains("include"))
    #expect(!said(including).contains("found"))
  }

  @Test func `a clinical document is read`() throws {
    let text = """
      <?xml version="1.0" encoding="UTF-8"?>
      <?xml-stylesheet type="text/xsl" href="CDA.xsl"?>
      <ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc"
        xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
        <realmCode code="US"/>
        <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
        <id root="2.16.840.1.113883.19.5" extension="4711"/>
        <code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summary of episode note"/>
        <recordTarget><patientRole><id root="2.16.840.1.113883.19" extension="12345"/><patient>
          <name use="L"><given>Eva</given><given>Maria</given><family>Muster</family></name>
          <administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1"/>
          <birthTime value="19700101"/><sdtc:raceCode code="2106-3"/></patient></patientRole></recordTarget>
        <component><structuredBody><component><section>
          <code code="30954-2"/><title>Results</title>
          <text><table><tbody><tr><td ID="r1">Glucose</td><td>5.3 mmol/l</td></tr></tbody></table></text>
          <entry><observation classCode="OBS" moodCode="EVN"><code code="2345-7"/>
            <value xsi:type="PQ" value="5.3" unit="mmol/L"/></observation></entry>
        </section></component></structuredBody></component>
      </ClinicalDocument>
      """
    let root = try read(text)
    let namespaces = [
      "c": "urn:hl7-org:v3", "sdtc": "urn:hl7-org:sdtc", "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    ]
    let found = { (path: String) in try XPath(path, namespaces: namespaces).evaluate(at: root).text }
    #expect(try found("/c:ClinicalDocument/c:id/@extension") == "4711")
    #expect(try found("//c:patient/c:name[@use='L']/c:given[2]") == "Maria")
    #expect(try found("//sdtc:raceCode/@code") == "2106-3")
    #expect(try found("//c:observation[c:code/@code='2345-7']/c:value[@xsi:type='PQ']/@value") == "5.3")
    #expect(try found("normalize-space(//c:section[c:code/@code='30954-2']/c:text//c:td[2])") == "5.3 mmol/l")
    let again = try read(written(root))
    #expect(written(again) == written(root))
  }

  @Test func `what XML doesn't have is left out when it is written`() {
    var writer = XMLWriter()
    writer.begin(.init("a"), attributes: [(.init("x"), "1\u{0}\r")])
    writer.text("b\u{1}")
    writer.end()
    #expect(String(decoding: writer.bytes, as: UTF8.self).hasSuffix("<a x=\"1&#13;\">b</a>"))
  }

  @Test func `bytes of chance crash nothing`() {
    var random = SystemRandomNumberGenerator()
    let words = [
      "<", ">", "/", "a", "<a>", "</a>", "&lt;", "&#0;", "=", "'", "\"", "<![CDATA[", "]]>", "<!--", "-->", "<?", "?>",
      "<!DOCTYPE", "xmlns:p", "p:", "\u{0}", "ä",
    ]
    for _ in 0..<5000 {
      let text = (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in words.randomElement(using: &random) }
        .joined()
      guard let document = try? XMLDocument(Array(text.utf8)) else { continue }
      let again = written(document.root)
      #expect(said(again) == again)
    }
  }
}
