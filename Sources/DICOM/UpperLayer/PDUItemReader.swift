/// Reads what stands in one PDU, all of which is there.
struct PDUItemReader {
  private let kind: PDU.Kind
  private var bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>, of kind: PDU.Kind) {
    self.bytes = bytes
    self.kind = kind
  }

  // MARK: PDUs

  mutating func associateRequest() throws(PDUError) -> AssociateRequest {
    let (version, called, calling) = try titles()
    var request = AssociateRequest(
      calledAETitle: called, callingAETitle: calling, contexts: [], user: UserInformation.unsaid)
    request.protocolVersion = version
    var hasUser = false
    request.applicationContext = ""
    while let (type, item) = try item() {
      switch type {
      case 0x10: request.applicationContext = Self.uid(item)
      case 0x20: request.contexts.append(try context(item))
      case 0x50:
        request.user = try user(item)
        hasUser = true
      // «… shall be ignored» (PS3.8 9.3.1): what a later edition may add.
      default: break
      }
    }
    guard hasUser else { throw PDUError(.invalidParameter, "an A-ASSOCIATE-RQ without user information") }
    return request
  }

  mutating func associateAccept() throws(PDUError) -> AssociateAccept {
    let (version, called, calling) = try titles()
    var accept = AssociateAccept(
      calledAETitle: called, callingAETitle: calling, contexts: [], user: UserInformation.unsaid)
    accept.protocolVersion = version
    accept.applicationContext = ""
    while let (type, item) = try item() {
      switch type {
      case 0x10: accept.applicationContext = Self.uid(item)
      case 0x21: accept.contexts.append(try result(item))
      case 0x50: accept.user = try user(item)
      default: break
      }
    }
    return accept
  }

  mutating func associateReject() throws(PDUError) -> AssociateReject {
    let (result, source, reason) = (
      bytes[bytes.startIndex + 1], bytes[bytes.startIndex + 2], bytes[bytes.startIndex + 3]
    )
    return AssociateReject(
      AssociateReject.Result(rawValue: result) ?? .permanent, .init(source: source, reason: reason))
  }

  mutating func abort() throws(PDUError) -> Abort {
    let (source, reason) = (bytes[bytes.startIndex + 2], bytes[bytes.startIndex + 3])
    return Abort(Abort.Source(rawValue: source) ?? .serviceUser, Abort.Reason(rawValue: reason) ?? .notSpecified)
  }

  mutating func dataValues() throws(PDUError) -> [PresentationDataValue] {
    var values: [PresentationDataValue] = []
    while !bytes.isEmpty {
      let length = Int(try number(4))
      // The context's id and the message control header are part of what is counted.
      guard length >= 2 else { throw PDUError(.invalidParameter, "a presentation data value of \(length) bytes") }
      var value = try take(length, "a presentation data value")
      let (id, control) = (value.removeFirst(), value.removeFirst())
      guard id & 1 == 1 else { throw PDUError(.invalidParameter, "presentation context \(id): they have odd numbers") }
      values.append(
        PresentationDataValue(contextID: id, isCommand: control & 1 == 1, isLast: control & 2 == 2, bytes: value))
    }
    return values
  }

  // MARK: Items

  /// Version and AE titles, before the items (PS3.8 9.3.2).
  private mutating func titles() throws(PDUError) -> (version: UInt16, called: String, calling: String) {
    let version = UInt16(try number(2))
    _ = try take(2, "the reserved bytes")
    let called = Self.text(try take(16, "the called AE title"))
    let calling = Self.text(try take(16, "the calling AE title"))
    _ = try take(32, "the reserved bytes")
    return (version, called, calling)
  }

  private func context(_ item: ArraySlice<UInt8>) throws(PDUError) -> PresentationContext {
    var reader = PDUItemReader(item, of: kind)
    let id = try reader.take(4, "a presentation context").first ?? 0
    guard id & 1 == 1 else { throw PDUError(.invalidParameter, "presentation context \(id): they have odd numbers") }
    var abstract: String?
    var syntaxes: [String] = []
    while let (type, part) = try reader.item() {
      if type == 0x30 { abstract = Self.uid(part) }
      if type == 0x40 { syntaxes.append(Self.uid(part)) }
    }
    guard let abstract else {
      throw PDUError(.invalidParameter, "presentation context \(id) without an abstract syntax")
    }
    return PresentationContext(id: id, abstractSyntax: abstract, transferSyntaxes: syntaxes)
  }

  private func result(_ item: ArraySlice<UInt8>) throws(PDUError) -> ContextResult {
    var reader = PDUItemReader(item, of: kind)
    let head = try reader.take(4, "a presentation context")
    guard let result = ContextResult.Result(rawValue: head[head.startIndex + 2]) else {
      throw PDUError(.invalidParameter, "result \(head[head.startIndex + 2]) of a presentation context")
    }
    var syntax = ""
    while let (type, part) = try reader.item() { if type == 0x40 { syntax = Self.uid(part) } }
    return ContextResult(id: head[head.startIndex], result: result, transferSyntax: syntax)
  }

  private func user(_ item: ArraySlice<UInt8>) throws(PDUError) -> UserInformation {
    var reader = PDUItemReader(item, of: kind)
    var user = UserInformation.unsaid
    while let (type, part) = try reader.item() {
      var item = PDUItemReader(part, of: kind)
      switch type {
      case 0x51: user.maximumLength = UInt32(try item.number(4))
      case 0x52: user.implementationClassUID = Self.uid(part)
      case 0x53:
        user.asynchronousOperations = AsynchronousOperations(
          invoked: UInt16(try item.number(2)), performed: UInt16(try item.number(2)))
      case 0x54:
        let uid = Self.uid(try item.counted("a role"))
        user.roles.append(
          RoleSelection(sopClass: uid, asSCU: try item.number(1) == 1, asSCP: try item.number(1) == 1))
      case 0x55: user.implementationVersionName = Self.text(part)
      case 0x56:
        let uid = Self.uid(try item.counted("an extended negotiation"))
        user.extendedNegotiations.append(ExtendedNegotiation(sopClass: uid, information: Array(item.bytes)))
      case 0x58:
        user.identity = UserIdentity(
          kind: UInt8(try item.number(1)), wantsResponse: try item.number(1) == 1,
          primary: Array(try item.counted("an identity")), secondary: Array(try item.counted("an identity")))
      case 0x59: user.identityResponse = Array(try item.counted("an answer to an identity"))
      default: break
      }
    }
    return user
  }

  /// The next item: its type, and what is in it; `nil` at the end.
  private mutating func item() throws(PDUError) -> (UInt8, ArraySlice<UInt8>)? {
    guard let type = bytes.first else { return nil }
    _ = try take(2, "an item")
    let length = Int(try number(2))
    return (type, try take(length, "an item of type \(type)"))
  }

  /// What stands behind its own length of two bytes.
  private mutating func counted(_ name: String) throws(PDUError) -> ArraySlice<UInt8> {
    let length = Int(try number(2))
    return try take(length, name)
  }

  private mutating func number(_ count: Int) throws(PDUError) -> UInt64 {
    try take(count, "a number").reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func take(_ count: Int, _ name: String) throws(PDUError) -> ArraySlice<UInt8> {
    guard count <= bytes.count else {
      throw PDUError(.invalidParameter, "\(name) is longer than what it stands in (\(kind.name))")
    }
    defer { bytes = bytes.dropFirst(count) }
    return bytes.prefix(count)
  }

  // MARK: Texts

  /// Spaces before and behind mean nothing (PS3.8 9.3.2); bytes that are no ASCII are shown as what they can't be.
  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    let isPadding: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0 }
    let trimmed = bytes.drop(while: isPadding)
    return DICOMText.shown(trimmed[..<(trimmed.lastIndex { !isPadding($0) }.map { $0 + 1 } ?? trimmed.startIndex)])
  }

  /// In a PDU a UID isn't padded; that some do it harms nobody.
  private static func uid(_ bytes: ArraySlice<UInt8>) -> String { text(bytes) }
}

extension UserInformation {
  /// Nothing was said: any length, and no name.
  static let unsaid = UserInformation(maximumLength: 0, implementationClassUID: "")
}
