import Testing

@testable import Text

@Suite struct XMLBuilderTests {
  private func read(_ text: String) throws -> XMLNode { try XMLDocument(Array(text.utf8)).root }

  private func written(_ node: XMLNode, isPretty: Bool = false) -> String {
    var writer = XMLWriter(declares: false, isPretty: isPretty)
    writer.node(node)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private func copied(_ node: XMLNode, _ changes: XMLChanges = XMLChanges()) throws -> String {
    var builder = XMLBuilder()
    try builder.copy(node, changes)
    return written(builder.document(.copied).root)
  }

  private func identities(_ path: String, in node: XMLNode) throws -> [Int] {
    guard case .items(let items) = try XPath(path).evaluate(at: node) else { return [] }
    return items.compactMap { if case .node(let node) = $0 { node.identity } else { nil } }
  }

  private let declared: [XMLDocument.Declaration] = []

  @Test(arguments: [
    "<a/>", "<a>x<b/>y</a>", #"<a xmlns="urn:d"><b xmlns=""><c/></b><d/></a>"#, "<a>&lt;&amp;\n<b><c/></b></a>",
    #"<p:a xmlns:p="urn:1"><p:a xmlns:p="urn:2" p:x="1"/><p:b/></p:a>"#, "<a><\u{E9}/><e\u{301}/></a>",
  ]) func `a copy is what it is a copy of`(text: String) throws {
    #expect(try Array(copied(read(text)).utf8) == Array(text.utf8))
  }

  @Test func `what changes in a copy is all that changes`() throws {
    let root = try read(#"<a x="1">one<b>two<c/></b><d y="2"/><e>three</e>four</a>"#)
    var changes = XMLChanges()
    changes.contents[try identities("b", in: root)[0]] = "new"
    changes.attributes[try identities("d", in: root)[0]] = [(.init("y"), nil), (.init("z"), "3")]
    changes.removed = Set(try identities("e", in: root))
    changes.appended[root.identity] = [.text("!"), .node(try read("<f/>"))]
    changes.contents[try identities("text()", in: root)[0]] = "uno"
    #expect(try copied(root, changes) == #"<a x="1">uno<b>new</b><d z="3"/>four!<f/></a>"#)
    changes = XMLChanges()
    changes.removed = Set(try identities("*", in: root))
    #expect(try copied(root, changes) == #"<a x="1">onefour</a>"#)
  }

  @Test func `a part keeps the namespaces of its values`() throws {
    let root = try read(#"<a xmlns="urn:d" xmlns:v="urn:v"><b t="v:x"/></a>"#)
    let part = try #require(root.elements.first { _ in true })
    #expect(try copied(part) == #"<b xmlns="urn:d" xmlns:v="urn:v" t="v:x"/>"#)
    var builder = XMLBuilder()
    try builder.begin(.init("z"), declarations: declared)
    try builder.copy(part)
    builder.end()
    #expect(written(builder.document(.made).root) == #"<z><b xmlns="urn:d" xmlns:v="urn:v" t="v:x"/></z>"#)
  }

  @Test func `one prefix never stands for two namespaces in an element`() throws {
    var builder = XMLBuilder()
    try builder.begin(
      .init("a", in: "urn:1", prefix: "p"),
      attributes: [(.init("b", in: "urn:2", prefix: "p"), "1"), (.init("c", in: "urn:2", prefix: "p"), "2")],
      declarations: declared)
    try builder.begin(
      .init("d", in: "urn:1", prefix: "p"), attributes: [(.init("e", in: "urn:3", prefix: "p"), "3")],
      declarations: declared)
    builder.end()
    builder.end()
    let text = written(builder.document(.made).root)
    let again = try read(text)
    #expect(again.name == .init("a", in: "urn:1") && again.attribute("c", in: "urn:2") == "2", "\(text)")
    let inner = try #require(again.elements.first { _ in true })
    #expect(inner.name == .init("d", in: "urn:1") && inner.attribute("e", in: "urn:3") == "3", "\(text)")
  }

  @Test func `what is too deep or too large is refused`() throws {
    var builder = XMLBuilder(limits: XMLLimits(byteCountMax: 8, depthMax: 2, nodeCountMax: 5))
    try builder.begin(.init("a"), declarations: declared)
    try builder.begin(.init("b"), declarations: declared)
    #expect(throws: XMLError.self) { try builder.begin(.init("c"), declarations: declared) }
    #expect(throws: XMLError.self) { try builder.text("123456789".utf8) }
    builder.end()
    try builder.begin(.init("b"), declarations: declared)
    try builder.text("1".utf8)
    builder.end()
    try builder.begin(.init("b"), declarations: declared)
    #expect(throws: XMLError.self) { try builder.text("2".utf8) }
  }

  @Test func `a person reads a line for each element`() throws {
    let root = try read("<a> <b><c/></b>\n\n<d>x <e/></d></a>")
    #expect(written(root, isPretty: true) == "<a>\n  <b>\n    <c/>\n  </b>\n  <d>x <e/></d>\n</a>")
  }

  @Test(arguments: [
    ("a", true), ("_a-1.b", true), ("ü", true), ("", false), ("1a", false), ("-a", false), ("a b", false),
    ("a:b", false), ("a<", false), ("a\u{301}", true), ("\u{301}a", false),
  ]) func `names are those of XML`(name: String, isValid: Bool) {
    #expect(XMLDocument.Name.isValid(name) == isValid)
    #expect(((try? read("<\(name)/>"))?.name?.local == name) == isValid)
  }
}
