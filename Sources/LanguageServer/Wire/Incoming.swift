package import Text

/// A message of JSON-RPC 2.0, as it came.
package enum Incoming: Sendable {
  case request(id: RequestID, method: String, JSONNode?)
  case notification(method: String, JSONNode?)
  /// The answer to a request of ours: nothing waits for one.
  case response
  /// Not JSON, or no message.
  case invalid(code: Int, String, id: RequestID?)

  package static let limits = JSONLimits(byteCountMax: MessageFraming.messageBytesMax, depthMax: 64)

  package init(_ bytes: [UInt8]) {
    let root: JSONNode
    do throws(JSONError) {
      root = try Self.document(bytes).root
    } catch {
      // What is wrong and where, never the content.
      self = .invalid(code: -32_700, "this is not JSON: \(error)", id: nil)
      return
    }
    let id = root["id"].flatMap { RequestID($0) }
    guard root.kind == .object, root["jsonrpc"]?.text == "2.0" else {
      self = .invalid(code: -32_600, "a message is an object with \"jsonrpc\": \"2.0\"", id: id)
      return
    }
    guard let method = root["method"] else {
      let isResponse = root["result"] != nil || root["error"] != nil
      self = isResponse ? .response : .invalid(code: -32_600, "a request has a method", id: id)
      return
    }
    guard let method = method.text else {
      self = .invalid(code: -32_600, "a method is a text", id: id)
      return
    }
    if let id {
      self = .request(id: id, method: method, root["params"])
    } else if root["id"] == nil {
      self = .notification(method: method, root["params"])
    } else {
      self = .invalid(code: -32_600, "an id is a number or a text", id: nil)
    }
  }
}

extension Incoming {
  /// So many halves of characters are mended in one message.
  private static let halvesMax = 1_000

  /// Editors of UTF-16 can hold half of a character, and send it as `\ud83d`: it is no text, but a change that was
  /// passed over would leave another text here than there. What stands for it has the same length.
  private static func document(_ bytes: [UInt8]) throws(JSONError) -> JSONDocument {
    var bytes = bytes
    for _ in 0..<halvesMax {
      do throws(JSONError) {
        return try JSONDocument(bytes, limits: limits)
      } catch {
        guard error.kind == .surrogate, error.offset + 6 <= bytes.count else { throw error }
        bytes.replaceSubrange(error.offset..<error.offset + 6, with: "\\ufffd".utf8)
      }
    }
    return try JSONDocument(bytes, limits: limits)
  }
}

/// A request's id as it was written: a number or a text.
package struct RequestID: Sendable, Hashable {
  let source: [UInt8]

  init?(_ node: JSONNode) {
    guard node.kind == .text || node.integer != nil else { return nil }
    source = Array(node.source)
  }

  var json: JSONValue { .raw(source) }
}

/// Why a request can't be answered.
struct ResponseError: Error {
  var code: Int
  var message: String

  static func invalidParameters(_ message: String) -> ResponseError { ResponseError(code: -32_602, message: message) }
  /// The server can do it, but not for this.
  static func failed(_ message: String) -> ResponseError { ResponseError(code: -32_803, message: message) }
}
