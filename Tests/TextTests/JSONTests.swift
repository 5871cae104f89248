import Testing

@testable import Text

@Suite struct JSONTests {
  private func read(_ text: String, _ limits: JSONLimits = JSONLimits()) throws -> JSONNode {
    try JSONDocument(Array(text.utf8), limits: limits).root
  }

  private func written(_ node: JSONNode, isPretty: Bool = false) -> String {
    var writer = JSONWriter(isPretty: isPretty)
    writer.node(node)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// `line:column kind`, or how it is written again.
  private func said(_ text: String, _ limits: JSONLimits = JSONLimits()) -> String {
    do {
      return written(try read(text, limits))
    } catch let error as JSONError {
      return "\(error.line):\(error.column) \(error.kind)"
    } catch {
      return "\(error)"
    }
  }

  @Test func `values are what they are, in the order in which they stand`() throws {
    let root = try read(#" {"b": 1.10, "a": [true, false, null, "x", {}, []], "": {"deep": -0.0e+7}} "#)
    #expect(root.members.map { $0.key.text } == ["b", "a", ""])
    #expect(root["b"]?.number == "1.10" && root["b"]?.text == nil)
    let list = try #require(root["a"])
    #expect(list.kind == .list && list.count == 6)
    #expect(list.elements.map(\.kind) == [.boolean, .boolean, .null, .text, .object, .list])
    #expect(list.elements.map(\.boolean) == [true, false, nil, nil, nil, nil])
    #expect(root[""]?["deep"]?.number == "-0.0e+7" && root["nix"] == nil && list["b"] == nil)
    #expect(list.members.map(\.key.text) == [] && root.elements.map(\.kind) == [])
    #expect(String(decoding: list.source, as: UTF8.self) == #"[true, false, null, "x", {}, []]"#)
    #expect(try read("\u{FEFF}\"ä\"").text == "ä")
  }

  @Test(arguments: [
    "1.10", "-0", "0.000", "1E400", "12345678901234567890.123456789", #""""#, #""\/\u00e4 ä 😀""#, "[]", "{}", "[[[]]]",
    #"{"a":{"b":[1,{"c":null}]},"z":"y"}"#, "null",
  ]) func `what is written again is what was read`(text: String) throws {
    #expect(said(text) == text)
    let pretty = written(try read(text), isPretty: true)
    #expect(said(pretty) == text)
  }

  @Test func `for people a value has a line of its own`() throws {
    let text = written(try read(#"{"a":[1,{}],"b":{"c":[]}}"#), isPretty: true)
    #expect(text == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": []\n  }\n}")
  }

  @Test func `escapes are read, also of pairs, and written where they must be`() throws {
    let all = #""\"\\\/\b\f\n\r\t\u0041\u00e4\u20AC\ud83d\ude00""#
    let text = "\"\\/\u{8}\u{C}\n\r\tAä€😀"
    #expect(try read(all).text == text)
    var writer = JSONWriter()
    writer.text(text + "\u{1}\u{7F}")
    #expect(String(decoding: writer.bytes, as: UTF8.self) == #""\"\\/\b\f\n\r\tAä€😀\u0001\#u{7F}""#)
    #expect(try read(#"{"\u0061b": 1}"#)["ab"]?.number == "1")
  }

  @Test(arguments: [
    ("", "1:1 empty"), ("  \n", "2:1 empty"), ("1 2", "1:3 trailing"), ("{} x", "1:4 trailing"),
    ("[1,2", "1:5 unfinished"),
    ("[1,]", "1:4 unexpected"), ("[,1]", "1:2 unexpected"), ("{\"a\":1,}", "1:8 unexpected"),
    ("{\"a\" 1}", "1:6 unexpected"),
    ("{a:1}", "1:2 unexpected"), ("{'a':1}", "1:2 unexpected"), ("[1 2]", "1:4 unexpected"), ("[1}", "1:3 unexpected"),
    ("{\"a\":1]", "1:7 unexpected"), ("{\"a\"", "1:5 unfinished"), ("{\"a\":", "1:6 unfinished"),
    ("{", "1:2 unfinished"),
    ("tru", "1:4 unfinished"), ("trux", "1:1 unexpected"), ("nul", "1:4 unfinished"), ("True", "1:1 unexpected"),
    ("NaN", "1:1 unexpected"), ("-", "1:1 unfinished"), ("-a", "1:1 number"), ("01", "1:1 number"),
    ("-01", "1:1 number"),
    ("1.", "1:1 unfinished"), ("[1.]", "1:2 number"), (".5", "1:1 unexpected"), ("+1", "1:1 unexpected"),
    ("[1e]", "1:2 number"), ("1e+", "1:1 unfinished"), ("0x1", "1:2 trailing"), ("1_0", "1:2 trailing"),
    ("\"a", "1:3 unfinished"), ("\"a\\", "1:4 unfinished"), ("\"\\x\"", "1:2 escape"), ("\"\\u12", "1:6 unfinished"),
    ("\"\\u12g4\"", "1:2 escape"), ("\"a\nb\"", "1:3 control"), ("\"\u{0}\"", "1:2 control"),
    ("[1]\u{0}", "1:4 trailing"),
    ("\"\\ud800\"", "1:2 surrogate"), ("\"\\udc00\"", "1:2 surrogate"), ("\"\\ud800\\u0041\"", "1:2 surrogate"),
    ("\"\\ud800\\n\"", "1:2 surrogate"), ("// x\n1", "1:1 unexpected"), ("{\"a\":1,\n \"a\":2}", "2:2 duplicateKey"),
    ("[{\"b\":0},{\"a\":1,\"b\":2,\"\\u0061\":3}]", "1:23 duplicateKey"), ("]", "1:1 unexpected"),
    (":", "1:1 unexpected"),
  ]) func `what is no JSON is refused at its place`(text: String, error: String) { #expect(said(text) == error) }

  @Test func `bytes that are no UTF-8 are refused, wherever they stand`() {
    for bytes in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]] {
      let text = Array("[\"abc\",\n\"12345678".utf8) + bytes + Array("\"]".utf8)
      #expect { try JSONDocument(text) } throws: {
        ($0 as? JSONError)?.kind == .encoding && ($0 as? JSONError)?.line == 2
      }
    }
  }

  @Test func `a key of many is there once, too`() throws {
    let keys = (0..<5000).map { "\"k\($0)\":0" }
    #expect(try read("{\(keys.joined(separator: ","))}").count == 5000)
    #expect(said("{\((keys + ["\"k\\u0030\":1"]).joined(separator: ","))}").hasSuffix("duplicateKey"))
  }

  @Test func `depth and size have limits, and depth costs no stack`() {
    let deep = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
    #expect(said(deep(128)) == deep(128))
    #expect(said(deep(129)) == "1:129 tooDeep(depthMax: 128)")
    #expect(said(deep(1_000_000)) == "1:129 tooDeep(depthMax: 128)")
    #expect(said("[1]", JSONLimits(byteCountMax: 2)) == "1:1 tooLarge(byteCountMax: 2)")
    var roomy = JSONLimits()
    roomy.depthMax = 1_000_000
    #expect(throws: Never.self) { try JSONDocument(Array(deep(1_000_000).utf8), limits: roomy) }
  }

  @Test func `a sign is found at every place of eight`() throws {
    for length in 0...40 {
      for sign in ["\\n", "\\\"", "ä", "\u{7F}", "é\\u0000"] {
        let before = String(repeating: "a", count: length)
        #expect(try read("\"\(before)\(sign)\(before)\"").count == 0)
        #expect(said("\"\(before)\u{1F}\(before)\"") == "1:\(length + 2) control")
        let (text, key) = ("\(before)\(sign)", "k\(length)")
        #expect(said("{\"\(key)\":\"\(text)\"}") == "{\"\(key)\":\"\(text)\"}")
      }
    }
  }

  @Test func `bytes of chance crash nothing, and what is read is written the same`() {
    var random = SystemRandomNumberGenerator()
    let signs = Array("{}[]\",:\\u0aue+-.1tfn \n\u{FEFF}ä".utf8)
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...24, using: &random)).map { _ in signs.randomElement(using: &random) ?? 0 }
      guard let document = try? JSONDocument(bytes) else { continue }
      let again = written(document.root)
      #expect(said(again) == again)
    }
  }
}
