package import Definitions
import Text

/// The language server as a value: messages of the Language Server Protocol in, messages out. It reads files, and
/// writes none but the pages of codes.
///
/// What it says about a message in a sample goes to the editor, as an answer. It logs nothing.
package struct LanguageServer {
  private enum State { case fresh, running, stopping }

  private var state = State.fresh
  var workspace: Workspace
  private let pages: CodePages
  private let version: String
  /// What the editor can do.
  private var refreshesHints = false
  private var showsDocuments = false
  private var requestCount = 0
  /// Set once it is to end: 0 where it was shut down first.
  package private(set) var exitCode: Int32?

  /// - Parameters:
  ///   - channels: makes what reads channel files of a project.
  ///   - pagesFolder: where the pages of codes are put for the editor to open; `nil` for nowhere.
  package init(
    version: String, pagesFolder: String?,
    channels: (@Sendable (_ root: String?, any DefinitionFiles) -> ChannelLoader?)? = nil
  ) {
    self.version = version
    pages = CodePages(pagesFolder)
    workspace = Workspace(channels: channels)
  }

  /// A document has changed, and its problems were not looked for since.
  package var hasWork: Bool { state == .running && workspace.nextDirty != nil }

  /// The problems of one document that has changed: the one that was typed in first, then what reads it. A key that
  /// comes meanwhile need not wait for all of them.
  package mutating func work() -> [[UInt8]] {
    guard let address = workspace.nextDirty else { return [] }
    let pages = pages
    workspace.clean(address)
    guard let found = workspace.diagnostics(address, page: { pages.address(of: $0) }) else { return [] }
    return [Self.notification("textDocument/publishDiagnostics", found)]
  }

  // MARK: Messages

  /// - Parameter isCancelled: the sender does not want the answer any more.
  package mutating func receive(_ incoming: Incoming, isCancelled: Bool = false) -> [[UInt8]] {
    switch incoming {
    case .response: return []
    case .invalid(let code, let message, let id):
      return [Self.failure(id?.json ?? .null, ResponseError(code: code, message: message))]
    case .notification(let method, let parameters): return notified(method, parameters)
    case .request(let id, let method, let parameters):
      if isCancelled { return [Self.failure(id.json, ResponseError(code: -32_800, message: "cancelled"))] }
      do throws(ResponseError) {
        let (result, others) = try answer(method, parameters)
        return [Self.message(["jsonrpc": "2.0", "id": id.json, "result": result])] + others
      } catch {
        return [Self.failure(id.json, error)]
      }
    }
  }

  private mutating func answer(
    _ method: String, _ parameters: JSONNode?
  ) throws(ResponseError) -> (JSONValue, [[UInt8]]) {
    switch (state, method) {
    case (.fresh, "initialize"): return (initialize(parameters), [])
    case (.fresh, _): throw ResponseError(code: -32_002, message: "'initialize' comes first")
    case (.stopping, _): throw ResponseError(code: -32_600, message: "the server was shut down")
    case (.running, "shutdown"):
      state = .stopping
      return (.null, [])
    case (.running, "initialize"): throw ResponseError(code: -32_600, message: "'initialize' came before")
    case (.running, "workspace/executeCommand"): return try execute(parameters)
    case (.running, _): return (try asked(method, parameters), [])
    }
  }

  private mutating func asked(_ method: String, _ parameters: JSONNode?) throws(ResponseError) -> JSONValue {
    guard Self.methods.contains(method) else {
      throw ResponseError(code: -32_601, message: "this server has no '\(method.prefix(80))'")
    }
    guard let address = parameters?["textDocument"]?["uri"]?.text else {
      throw .invalidParameters("'\(method)' names a textDocument")
    }
    guard let document = workspace.documents[address] else {
      throw .invalidParameters("this document is not open")
    }
    switch method {
    case "textDocument/formatting": return workspace.formatting(address)
    case "textDocument/documentSymbol": return workspace.symbols(address)
    case "textDocument/inlayHint":
      return workspace.inlayHints(address, Self.range(parameters, document.text))
    case "textDocument/codeAction":
      let only = parameters?["context"]?["only"]?.elements.compactMap(\.text)
      return workspace.codeActions(address, Self.range(parameters, document.text), only: only)
    default: break
    }
    guard let position = Self.position(parameters?["position"]) else {
      throw .invalidParameters("'\(method)' has a position")
    }
    let offset = document.text.offset(of: position)
    switch method {
    case "textDocument/completion": return workspace.completion(address, offset)
    case "textDocument/hover": return workspace.hover(address, offset)
    case "textDocument/signatureHelp": return workspace.signatureHelp(address, offset)
    case "textDocument/definition": return workspace.definition(address, offset)
    case "textDocument/documentHighlight": return workspace.highlights(address, offset)
    case "textDocument/references":
      let declared = parameters?["context"]?["includeDeclaration"]?.boolean ?? true
      return workspace.references(address, offset, withDeclaration: declared)
    case "textDocument/prepareRename": return try workspace.prepareRename(address, offset)
    default:
      guard let name = parameters?["newName"]?.text else { throw .invalidParameters("a rename has a newName") }
      return try workspace.rename(address, offset, to: name)
    }
  }

  private static let methods: Set<String> = [
    "textDocument/formatting", "textDocument/documentSymbol", "textDocument/inlayHint", "textDocument/codeAction",
    "textDocument/completion", "textDocument/hover", "textDocument/signatureHelp", "textDocument/definition",
    "textDocument/documentHighlight", "textDocument/references", "textDocument/prepareRename", "textDocument/rename",
  ]

  private mutating func notified(_ method: String, _ parameters: JSONNode?) -> [[UInt8]] {
    if method == "exit" {
      exitCode = state == .stopping ? 0 : 1
      return []
    }
    guard state == .running else { return [] }
    let document = parameters?["textDocument"]
    let address = document?["uri"]?.text ?? ""
    let version = document?["version"]?.integer ?? 0
    switch method {
    case "textDocument/didOpen":
      guard let text = document?["text"]?.text else { return [] }
      workspace.open(address, language: document?["languageId"]?.text ?? "", text, version: version)
    case "textDocument/didChange":
      workspace.change(address) { text in
        for change in parameters?["contentChanges"].map({ Array($0.elements) }) ?? [] {
          guard let new = change["text"]?.text else { continue }
          let range = change["range"]
          if let start = Self.position(range?["start"]), let end = Self.position(range?["end"]) {
            text.replace(start, end, with: new, version: version)
          } else if range == nil {
            text.replace(with: new, version: version)
          }
        }
      }
    case "textDocument/didClose":
      guard workspace.documents[address] != nil else { return [] }
      workspace.close(address)
      return [Self.notification("textDocument/publishDiagnostics", ["uri": .text(address), "diagnostics": []])]
    case "textDocument/didSave": workspace.touchAll()
    case "workspace/didChangeWatchedFiles":
      workspace.touchAll()
      // A sample may be among them.
      return refresh()
    case "workspace/didChangeConfiguration":
      configure(parameters?["settings"]?["hilum"])
      return refresh()
    default: break
    }
    return []
  }

  // MARK: Beginning

  private mutating func initialize(_ parameters: JSONNode?) -> JSONValue {
    state = .running
    let folder = parameters?["workspaceFolders"]?.elements.first { _ in true }?["uri"]?.text
    let root = (folder ?? parameters?["rootUri"]?.text).flatMap { FileAddress.path($0) }
    workspace.root = (root ?? parameters?["rootPath"]?.text).map { RelativePath.normalized($0) }
    configure(parameters?["initializationOptions"])
    let abilities = parameters?["capabilities"]
    refreshesHints = abilities?["workspace"]?["inlayHint"]?["refreshSupport"]?.boolean ?? false
    showsDocuments = abilities?["window"]?["showDocument"]?["support"]?.boolean ?? false
    return [
      "capabilities": [
        "positionEncoding": "utf-16", "textDocumentSync": ["openClose": true, "change": 2, "save": true],
        "completionProvider": ["triggerCharacters": [".", "-", "/", "\""]], "hoverProvider": true,
        "signatureHelpProvider": ["triggerCharacters": ["(", ","]], "definitionProvider": true,
        "referencesProvider": true, "documentHighlightProvider": true, "documentSymbolProvider": true,
        "documentFormattingProvider": true, "renameProvider": ["prepareProvider": true], "inlayHintProvider": true,
        "codeActionProvider": ["codeActionKinds": ["quickfix", "source.fixAll.hilum"]],
        "executeCommandProvider": [
          "commands": .list(Self.commands.map { .text($0) })
        ],
      ],
      "serverInfo": ["name": "hilum", "version": .text(version)],
    ]
  }

  private mutating func configure(_ settings: JSONNode?) {
    if let sample = settings?["sample"]?.text { workspace.sample = sample.isEmpty ? nil : sample }
    workspace.forgetTrials()
  }

  // MARK: Commands

  static let commands = ["hilum.explain", "hilum.samples", "hilum.chooseSample", "hilum.chooseTurn"]

  private mutating func execute(_ parameters: JSONNode?) throws(ResponseError) -> (JSONValue, [[UInt8]]) {
    let values = parameters?["arguments"].map { $0.elements.map { $0.text ?? $0.number ?? "" } } ?? []
    guard let first = values.first else { throw .invalidParameters("a command of this server has arguments") }
    switch parameters?["command"]?.text {
    case "hilum.explain":
      guard let page = pages.page(first) else { throw .failed("there is no code \(first.prefix(20))") }
      return (.text(page), show(first, page))
    case "hilum.samples": return (.list(workspace.samples(first).map { .text($0) }), [])
    case "hilum.chooseSample":
      guard values.count > 1, workspace.samples(first).contains(values[1]) else {
        throw .failed("this program has no such case")
      }
      workspace.choose(first, sample: values[1], turns: nil)
      return (.null, refresh())
    case "hilum.chooseTurn":
      let turns = values.dropFirst().first?.split(separator: ".").map { Int($0) ?? 0 } ?? []
      guard turns.allSatisfy({ $0 > 0 }) else {
        throw .invalidParameters("a turn is a number from 1, or one for each loop: 2.1")
      }
      workspace.choose(first, sample: nil, turns: turns)
      return (.null, refresh())
    default: throw .invalidParameters("this server has the commands \(Self.commands.joined(separator: ", "))")
    }
  }

  /// A page in the editor, where it opens documents; else in a message.
  private mutating func show(_ code: String, _ page: String) -> [[UInt8]] {
    if showsDocuments, let address = pages.address(of: code) {
      return [request("window/showDocument", ["uri": .text(address), "takeFocus": true])]
    }
    return [Self.notification("window/showMessage", ["type": 3, "message": .text(page)])]
  }

  private mutating func refresh() -> [[UInt8]] {
    refreshesHints ? [request("workspace/inlayHint/refresh", .null)] : []
  }

  // MARK: JSON

  private mutating func request(_ method: String, _ parameters: JSONValue) -> [UInt8] {
    requestCount += 1
    let message: JSONValue = ["jsonrpc": "2.0", "id": .text("hilum-\(requestCount)"), "method": .text(method)]
    return Self.message(message.adding("params", parameters == .null ? nil : parameters))
  }

  private static func notification(_ method: String, _ parameters: JSONValue) -> [UInt8] {
    message(["jsonrpc": "2.0", "method": .text(method), "params": parameters])
  }

  private static func failure(_ id: JSONValue, _ error: ResponseError) -> [UInt8] {
    let error: JSONValue = ["code": .number(error.code), "message": .text(error.message)]
    return message(["jsonrpc": "2.0", "id": id, "error": error])
  }

  private static func message(_ value: JSONValue) -> [UInt8] { value.bytes }

  private static func position(_ node: JSONNode?) -> TextDocument.Position? {
    guard let line = node?["line"]?.integer, let character = node?["character"]?.integer, line >= 0,
      character >= 0
    else { return nil }
    return TextDocument.Position(line: line, character: character)
  }

  /// The range of a request; without one the whole text.
  private static func range(_ parameters: JSONNode?, _ text: TextDocument) -> Range<Int> {
    let range = parameters?["range"]
    guard let start = position(range?["start"]), let end = position(range?["end"]) else {
      return 0..<text.bytes.count
    }
    let first = text.offset(of: start)
    return first..<max(first, text.offset(of: end))
  }
}
