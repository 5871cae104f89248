import Connectors
import Definitions
import Foundation
import LanguageServer
import Testing
import Text

/// An editor with a project folder of its own: it opens texts, changes them and asks.
final class Editor {
  var server: LanguageServer
  let folder: String
  private var count = 0
  private var version = 1
  /// What the server said beside its answers.
  private(set) var said: [JSONDocument] = []

  init(options: String = "{}", initialized: Bool = true) throws {
    folder = NSTemporaryDirectory() + "hilum-lsp-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    server = LanguageServer(version: "0", pagesFolder: folder + "/.pages") { _, files in
      ChannelLoader(
        registry: ConnectorRegistry(
          sources: [MLLPSource.self, FileSource.self], destinations: [MLLPDestination.self, FileDestination.self]),
        files: files)
    }
    guard initialized else { return }
    let abilities =
      #"{"workspace": {"inlayHint": {"refreshSupport": true}}, "window": {"showDocument": {"support": true}}}"#
    _ = try ask(
      "initialize",
      #"{"rootUri": "\#(FileAddress.address(folder))", "initializationOptions": \#(options), "#
        + #""capabilities": \#(abilities)}"#)
    try tell("initialized", "{}")
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    let path = "\(folder)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    return path
  }

  func address(_ name: String) -> String { FileAddress.address("\(folder)/\(name)") }

  // MARK: Messages

  func receive(_ json: String, isCancelled: Bool = false) throws -> [JSONDocument] {
    try server.receive(Incoming(Array(json.utf8)), isCancelled: isCancelled).map { try JSONDocument($0) }
  }

  func tell(_ method: String, _ parameters: String) throws {
    said += try receive(#"{"jsonrpc": "2.0", "method": "\#(method)", "params": \#(parameters)}"#)
  }

  /// The whole answer: `result` or `error`.
  func answer(_ method: String, _ parameters: String) throws -> JSONNode {
    count += 1
    let messages = try receive(#"{"jsonrpc":"2.0","id":\#(count),"method":"\#(method)","params":\#(parameters)}"#)
    said += messages.dropFirst()
    let first = try #require(messages.first)
    #expect(first.root["id"]?.number == "\(count)")
    return first.root
  }

  func ask(_ method: String, _ parameters: String) throws -> JSONNode {
    let answer = try answer(method, parameters)
    return try #require(answer["result"], "\(String(decoding: answer.source, as: UTF8.self))")
  }

  // MARK: Documents

  static func quoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    JSONText.write(text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  func open(_ name: String, _ text: String, language: String = "hilt") throws {
    let text = text.replacing("‸", with: "")
    try tell(
      "textDocument/didOpen",
      #"{"textDocument": {"uri": "\#(address(name))", "languageId": "\#(language)", "version": 1, "#
        + #""text": \#(Self.quoted(text))}}"#)
  }

  /// Replaces the whole text.
  func change(_ name: String, _ text: String) throws {
    version += 1
    try tell(
      "textDocument/didChange",
      #"{"textDocument": {"uri": "\#(address(name))", "version": \#(version)}, "#
        + #""contentChanges": [{"text": \#(Self.quoted(text))}]}"#)
  }

  /// Asks about the place that `‸` marks in a text.
  func ask(_ method: String, _ name: String, at marked: String, _ more: String = "") throws -> JSONNode {
    try ask(method, place(name, marked, more))
  }

  func place(_ name: String, _ marked: String, _ more: String = "") -> String {
    let before = marked.prefix { $0 != "‸" }
    let lines = before.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let position = #"{"line": \#(lines.count - 1), "character": \#(lines.last?.utf16.count ?? 0)}"#
    return #"{"textDocument": {"uri": "\#(address(name))"}, "position": \#(position)\#(more)}"#
  }

  func of(_ name: String, _ more: String = "") -> String { #"{"textDocument": {"uri": "\#(address(name))"}\#(more)}"# }

  // MARK: What is asked most

  /// The problems of the documents that have changed, as `line:column-column code message`, from 1, by document.
  func problems() throws -> [String: [String]] {
    var found: [String: [String]] = [:]
    while server.hasWork, let message = server.work().first {
      let parameters = try #require(try JSONDocument(message).root["params"])
      let address = try #require(parameters["uri"]?.text)
      let name = FileAddress.path(address)?.dropFirst(folder.count + 1) ?? ""
      found[String(name)] = parameters["diagnostics"]?.elements.map { Self.shown($0) } ?? []
    }
    return found
  }

  static func shown(_ diagnostic: JSONNode) -> String {
    "\(range(diagnostic)) \(diagnostic["code"]?.text ?? "") \(diagnostic["message"]?.text ?? "")"
  }

  /// `3:1-3:5`, from 1.
  static func range(_ node: JSONNode) -> String {
    let range = node["range"] ?? node["targetRange"]
    func shown(_ key: String) -> String {
      let place = range?[key]
      let line = place?["line"]?.number.flatMap { Int($0) } ?? -1
      let character = place?["character"]?.number.flatMap { Int($0) } ?? -1
      return "\(line + 1):\(character + 1)"
    }
    return "\(shown("start"))-\(shown("end"))"
  }

  /// What may stand at `‸`, as `label (detail)`; the text is opened first.
  func completions(_ text: String, in name: String = "t.hilt") throws -> [String] {
    try open(name, text)
    let answer = try ask("textDocument/completion", name, at: text)
    return answer["items"]?.elements.map { item in
      let detail = item["detail"]?.text.map { " (\($0))" } ?? ""
      return (item["label"]?.text ?? "") + detail
    } ?? []
  }

  func hover(_ text: String, in name: String = "t.hilt") throws -> String {
    try open(name, text)
    return try ask("textDocument/hover", name, at: text)["contents"]?["value"]?.text ?? ""
  }

  /// Makes the edits of a `WorkspaceEdit` and gives the texts by name.
  func applied(_ edit: JSONNode?, to texts: [String: String]) throws -> [String: String] {
    var texts = texts
    for (key, edits) in try #require(edit?["changes"]).members {
      let name = String(try #require(FileAddress.path(key.text ?? "")).dropFirst(folder.count + 1))
      var document = TextDocument(try #require(texts[name]))
      for edit in edits.elements.reversed() {
        let range = try #require(edit["range"])
        document.replace(
          Self.position(range["start"]), Self.position(range["end"]), with: edit["newText"]?.text ?? "",
          version: 0)
      }
      texts[name] = document.text
    }
    return texts
  }

  private static func position(_ node: JSONNode?) -> TextDocument.Position {
    TextDocument.Position(
      line: Int(node?["line"]?.number ?? "") ?? 0, character: Int(node?["character"]?.number ?? "") ?? 0)
  }
}
