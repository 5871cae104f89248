/// PDUs as bytes (PS3.8 9.3).
extension PDU {
  package var bytes: [UInt8] {
    var body: [UInt8] = []
    switch self {
    case .associateRequest(let request):
      Self.titles(request.protocolVersion, request.calledAETitle, request.callingAETitle, &body)
      Self.item(0x10, Array(request.applicationContext.utf8), &body)
      for context in request.contexts {
        var content: [UInt8] = [context.id, 0, 0, 0]
        Self.item(0x30, Array(context.abstractSyntax.utf8), &content)
        for syntax in context.transferSyntaxes { Self.item(0x40, Array(syntax.utf8), &content) }
        Self.item(0x20, content, &body)
      }
      Self.user(request.user, &body)
    case .associateAccept(let accept):
      Self.titles(accept.protocolVersion, accept.calledAETitle, accept.callingAETitle, &body)
      Self.item(0x10, Array(accept.applicationContext.utf8), &body)
      for context in accept.contexts {
        var content: [UInt8] = [context.id, 0, context.result.rawValue, 0]
        Self.item(0x40, Array(context.transferSyntax.utf8), &content)
        Self.item(0x21, content, &body)
      }
      Self.user(accept.user, &body)
    case .associateReject(let reject):
      let (source, reason) = reject.reason.code
      body = [0, reject.result.rawValue, source, reason]
    case .data(let values):
      body.reserveCapacity(values.reduce(0) { $0 + $1.bytes.count + 6 })
      for value in values { value.append(to: &body) }
    case .releaseRequest, .releaseReply: body = [0, 0, 0, 0]
    case .abort(let abort): body = [0, 0, abort.source.rawValue, abort.reason.rawValue]
    }
    var all: [UInt8] = []
    all.reserveCapacity(body.count + 6)
    all += [kind.rawValue, 0]
    all.append(uint32: UInt32(body.count), isBigEndian: true)
    all += body
    return all
  }

  // MARK: Parts

  private static func titles(_ version: UInt16, _ called: String, _ calling: String, _ bytes: inout [UInt8]) {
    bytes.append(uint16: version, isBigEndian: true)
    bytes += [0, 0]
    bytes += padded(called)
    bytes += padded(calling)
    bytes += [UInt8](repeating: 0, count: 32)
  }

  /// 16 bytes, with spaces behind.
  private static func padded(_ title: String) -> [UInt8] {
    let bytes = Array(title.utf8.prefix(16))
    return bytes + [UInt8](repeating: 0x20, count: 16 - bytes.count)
  }

  private static func user(_ user: UserInformation, _ bytes: inout [UInt8]) {
    var content: [UInt8] = []
    var part: [UInt8] = []
    func take() -> [UInt8] {
      defer { part = [] }
      return part
    }
    part.append(uint32: user.maximumLength, isBigEndian: true)
    item(0x51, take(), &content)
    item(0x52, Array(user.implementationClassUID.utf8), &content)
    if let operations = user.asynchronousOperations {
      part.append(uint16: operations.invoked, isBigEndian: true)
      part.append(uint16: operations.performed, isBigEndian: true)
      item(0x53, take(), &content)
    }
    for role in user.roles {
      counted(Array(role.sopClass.utf8), &part)
      part += [role.asSCU ? 1 : 0, role.asSCP ? 1 : 0]
      item(0x54, take(), &content)
    }
    if let name = user.implementationVersionName { item(0x55, Array(name.utf8.prefix(16)), &content) }
    for negotiation in user.extendedNegotiations {
      counted(Array(negotiation.sopClass.utf8), &part)
      part += negotiation.information
      item(0x56, take(), &content)
    }
    if let identity = user.identity {
      part = [identity.kind, identity.wantsResponse ? 1 : 0]
      counted(identity.primary, &part)
      counted(identity.secondary, &part)
      item(0x58, take(), &content)
    }
    if let response = user.identityResponse {
      counted(response, &part)
      item(0x59, take(), &content)
    }
    item(0x50, content, &bytes)
  }

  private static func item(_ type: UInt8, _ content: [UInt8], _ bytes: inout [UInt8]) {
    bytes += [type, 0]
    counted(content, &bytes)
  }

  private static func counted(_ content: [UInt8], _ bytes: inout [UInt8]) {
    bytes.append(uint16: UInt16(content.count), isBigEndian: true)
    bytes += content
  }
}

extension PresentationDataValue {
  fileprivate func append(to body: inout [UInt8]) {
    body.append(uint32: UInt32(bytes.count + 2), isBigEndian: true)
    body += [contextID, (isCommand ? 1 : 0) | (isLast ? 2 : 0)]
    body += bytes
  }

  /// A P-DATA-TF with one value, up to where the bytes of its data set begin.
  static func head(byteCount: Int, isLast: Bool, contextID: UInt8) -> [UInt8] {
    var bytes: [UInt8] = [PDU.Kind.data.rawValue, 0]
    bytes.append(uint32: UInt32(byteCount + 6), isBigEndian: true)
    bytes.append(uint32: UInt32(byteCount + 2), isBigEndian: true)
    return bytes + [contextID, isLast ? 2 : 0]
  }

  /// A command or data set of which all is at hand, in as many P-DATA-TF as the peer's longest asks for.
  ///
  /// - Parameter lengthMax: what the peer said; 0 for any.
  package static func messages(
    _ bytes: ArraySlice<UInt8>, isCommand: Bool, contextID: UInt8, lengthMax: UInt32
  ) -> [PDU] {
    let room = room(lengthMax)
    var pdus: [PDU] = []
    var rest = bytes
    repeat {
      let part = rest.prefix(room)
      rest = rest.dropFirst(part.count)
      pdus.append(
        .data([
          PresentationDataValue(contextID: contextID, isCommand: isCommand, isLast: rest.isEmpty, bytes: part)
        ]))
    } while !rest.isEmpty
    return pdus
  }

  /// How many bytes of a data set go into one P-DATA-TF with a single value.
  ///
  /// «Each fragment of a message shall consist of an even number of bytes» (PS3.8 annex E.1).
  package static func room(_ lengthMax: UInt32) -> Int {
    let length = lengthMax == 0 ? 1 << 20 : min(Int(lengthMax), 1 << 20)
    return max(2, (length - 6) & ~1)
  }
}
