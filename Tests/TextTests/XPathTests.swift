import Testing

@testable import Text

@Suite struct XPathTests {
  private static let text = """
    <cda xmlns="urn:hl7-org:v3" xmlns:s="urn:s"><title>Brief</title>\
    <recordTarget><id root="1.2" extension="A"/><id root="1.3" extension="B" s:note="n"/></recordTarget>\
    <section code="1"><title>One</title><text>a <b>bold</b> c</text></section>\
    <section code="2"><title>Two</title><section code="3"><title>Three</title></section></section></cda>
    """

  private func find(_ path: String, nodeCountMax: Int = 100_000) throws -> String {
    do {
      let xpath = try XPath(path, namespaces: ["a": "urn:hl7-org:v3", "s": "urn:s"])
      let root = try XMLDocument(Array(Self.text.utf8)).root
      switch try xpath.evaluate(at: root, nodeCountMax: nodeCountMax) {
      case .items(let items): return items.map(\.text).joined(separator: "|")
      case let value: return value.text
      }
    } catch let error as XPathError {
      return "\(error.offset): \(error.reason)"
    } catch let error as XPath.TooCostly {
      return "more than \(error.nodeCountMax)"
    }
  }

  @Test(arguments: [
    ("/a:cda/a:title", "Brief"), ("a:title", "Brief"), ("title", ""), ("//a:title", "Brief|One|Two|Three"),
    ("//a:section/a:title", "One|Two|Three"), ("/a:cda/a:section/a:title", "One|Two"), ("//a:cda/a:title", "Brief"),
    ("a:recordTarget/a:id/@extension", "A|B"), ("a:recordTarget/a:id[@root='1.3']/@extension", "B"),
    ("//a:id[2]/@root", "1.3"), ("//a:id[last()]/@extension", "B"), ("//a:id[position() < 2]/@extension", "A"),
    ("//@s:note", "n"), ("//@s:*", "n"), ("//@note", ""), ("//a:id[@s:note]/@extension", "B"),
    ("//a:section[a:title='Two']/@code", "2"), ("//a:section[.//a:title='Three']/@code", "2|3"),
    ("//a:section[not(a:section)]/@code", "1|3"), ("//a:section[@code > 1 and @code != '3']/@code", "2"),
    ("//a:section[a:text or a:section]/@code", "1|2"), ("//a:b/../../@code", "1"), ("//a:b/text()", "bold"),
    ("//a:text/text()", "a | c"), ("//a:text", "a bold c"), ("//a:title | //a:b", "Brief|One|bold|Two|Three"),
    ("//a:section[contains(a:title, 'w')]/a:title", "Two"), ("//a:section[starts-with(a:title, 'T')]/@code", "2|3"),
    ("count(//a:section)", "3"), ("sum(//a:section/@code)", "6"), ("string(//a:title)", "Brief"),
    ("concat(//a:id[1]/@root, '.', //a:id[1]/@extension)", "1.2.A"), ("normalize-space(' a  b ')", "a b"),
    ("string-length('äb')", "2"), ("substring-before('a=b', '=')", "a"), ("substring-after('a=b', '=')", "b"),
    ("local-name(//*[@code='3'])", "section"), ("namespace-uri(/*)", "urn:hl7-org:v3"), ("boolean(//a:none)", "false"),
    ("//a:section/a:section/a:title = 'Three'", "true"), ("1 = 1.0", "true"), ("'1' = 1", "true"), ("'x' = 1", "false"),
    ("/", "BriefOnea bold cTwoThree"), ("//a:none[1]/@x", ""), ("/a:title", ""), (".", "BriefOnea bold cTwoThree"),
    ("..", ""), ("//*[name()='title'][1]", "Brief|One|Two|Three"), ("(//a:b)", "bold"),
    ("//a:title/.", "Brief|One|Two|Three"),
  ]) func `finds`(path: String, found: String) throws {
    #expect(try find(path).replacing("\n", with: " ") == found)
  }

  @Test(arguments: [
    ("", "0: a path is needed, such as //a:section/a:title"), ("//", "2: the name of an element is expected here"),
    ("//b:x", "2: the prefix b is not declared; there are a, s"),
    ("a:id[", "5: the name of an element is expected here"),
    ("a:id[1", "6: `]` is expected here"), ("'x", "0: a text without its closing '"),
    ("a:id]", "4: nothing is expected here"),
    ("child::a", "0: axes are written short here: name, //name, @name, . and .."), ("$x", "0: `$` has no meaning here"),
    ("count(1)", "0: count() takes a path"), ("contains('a')", "0: contains() takes 2 to 2 values"),
    ("'a' | 'b'", "9: `|` stands between paths"), ("1.2.3", "0: not a number"),
    (
      "id('x')",
      "0: there is no function id; there are boolean, concat, contains, count, false, last, local-name, name, "
        + "namespace-uri, normalize-space, not, number, position, starts-with, string, string-length, substring-after, "
        + "substring-before, sum, true"
    ),
  ]) func `says what it can't read, and where`(path: String, words: String) throws { #expect(try find(path) == words) }

  @Test func `depth and cost have limits`() throws {
    let deep = String(repeating: "(", count: 100) + "1" + String(repeating: ")", count: 100)
    #expect(try find(deep).contains("more than 32"))
    #expect(try find("//*//*//*//*", nodeCountMax: 50) == "more than 50")
    #expect(throws: Never.self) { try find("//*") }
  }

  @Test(arguments: [
    "//*[contains(/, 'x')]", "//*[/ = 'x']", "//*[sum(//a) > 1]", "//*[string-length(/) = 1]", "//*[//a = //a]",
    "//*[concat(/, /) = 'x']", "//@*[. = /]",
  ]) func `texts that are put together count as well`(path: String) throws {
    let text = "<a>\(String(repeating: "<a b='\(String(repeating: "c", count: 100))'>d</a>", count: 2000))</a>"
    let root = try XMLDocument(Array(text.utf8)).root
    #expect(throws: XPath.TooCostly.self) { try XPath(path).evaluate(at: root) }
  }

  @Test(arguments: [
    ("contains(/, '&#10;')", "true"), ("normalize-space(/)", "a\u{A0}b c"), ("number('\u{A0}1')", "NaN"),
    ("contains(/a/@e, 'e')", "true"), ("/a/@e = '\u{E9}'", "false"), ("/a/@e = 'e\u{301}'", "true"),
    ("substring-after(/, 'b')", "\r\n c "), ("substring-before(/, 'b')", " a\u{A0}"), ("contains(/, '')", "true"),
    ("contains(/, 'c  ')", "false"), ("contains(/, 'c ')", "true"),
  ]) func `texts are their characters, not what they look like`(path: String, found: String) throws {
    let root = try XMLDocument(Array("<a e='e\u{301}'> a\u{A0}b&#13;&#10; c </a>".utf8)).root
    let path = path.replacing("&#10;", with: "\n")
    #expect(try XPath(path).evaluate(at: root).text == found)
  }
}

@Suite struct XPathKindTests {
  @Test(arguments: [
    ("a/b", XPath.Kind.nodes), ("a | b", .nodes), ("count(a)", .number), ("3", .number), ("'x'", .text),
    ("string(a)", .text), ("a = b", .boolean), ("not(a)", .boolean), ("a and b", .boolean), ("name()", .text),
  ]) func `what an expression gives is known before`(text: String, kind: XPath.Kind) throws {
    #expect(try XPath(text).kind == kind)
  }

  @Test func `elements without a prefix are in the namespace that is said, attributes never`() throws {
    let root = try XMLDocument(Array(#"<a xmlns="urn:a" b="1"><c xmlns="">x</c><c>y</c></a>"#.utf8)).root
    func text(_ path: String, _ namespaces: [String: String]) throws -> String {
      try XPath(path, namespaces: namespaces).evaluate(at: root).text
    }
    #expect(try text("/a/@b", ["": "urn:a"]) == "1")
    #expect(try text("c", ["": "urn:a"]) == "y")
    #expect(try text("c", [:]) == "x")
    #expect(try XPath("a/p:b[c]/@d", namespaces: ["p": "urn:p"]).unprefixed.map(\.name) == ["a", "c"])
  }

  @Test func `the attribute that a path ends in is known, with the path to its element`() throws {
    let root = try XMLDocument(Array("<a><b/><b x='1'/></a>".utf8)).root
    let (path, name) = try #require(try XPath("b[2]/@p:c", namespaces: ["p": "urn:p"]).attribute)
    #expect(name == .init("c", in: "urn:p") && name.prefix == "p")
    guard case .items(let items) = try path.evaluate(at: root), case .node(let node)? = items.first else {
      Issue.record("no element")
      return
    }
    #expect(items.count == 1 && node.attribute("x") == "1")
    for text in ["b", "b/@*", "b/@c[. = '1']", "count(b/@c)", "/@c"] {
      #expect(try XPath(text, namespaces: [:]).attribute == nil, "\(text)")
    }
  }

  @Test func `a long expression costs more than a short one`() throws {
    let root = try XMLDocument(Array("<a><b/></a>".utf8)).root
    let short = try XPath("./b").counted(at: root, nodeCountMax: 1_000_000).nodeCount
    let long = try XPath(String(repeating: "./", count: 500) + "b").counted(at: root, nodeCountMax: 1_000_000).nodeCount
    #expect(long > short + 400)
  }
}
