/// Which associations an accepter takes, and what of them (PS3.8 annex B, PS3.7 annex D).
package struct AssociationPolicy: Sendable {
  /// What it is called; `nil` for any name.
  package var calledAETitle: String?
  /// Who may call; `nil` for anybody.
  package var callingAETitles: Set<String>?
  /// The longest P-DATA-TF that is taken.
  package var maximumLength: UInt32
  package var implementation: Implementation
  /// Whether an abstract syntax is served.
  package var serves: @Sendable (String) -> Bool
  /// Whether a transfer syntax can be taken for an abstract syntax.
  package var takes: @Sendable (_ transferSyntax: String, _ abstractSyntax: String) -> Bool
  /// Whether who calls may, by what else is known of the connection: its address, its certificate.
  package var mayCall: @Sendable (AssociateRequest) -> Bool = { _ in true }
  /// For whom the requester may be the one who serves: storage commitment comes back so.
  package var mayServe: @Sendable (String) -> Bool
  /// What every request is answered with, whoever calls: that there is no room for another association.
  package var refusal: AssociateReject?

  package init(
    calledAETitle: String?, callingAETitles: Set<String>?, maximumLength: UInt32, implementation: Implementation,
    serves: @escaping @Sendable (String) -> Bool, takes: @escaping @Sendable (String, String) -> Bool,
    mayServe: @escaping @Sendable (String) -> Bool = { _ in false }
  ) {
    self.calledAETitle = calledAETitle
    self.callingAETitles = callingAETitles
    self.maximumLength = maximumLength
    self.implementation = implementation
    self.serves = serves
    self.takes = takes
    self.mayServe = mayServe
  }

  /// The answer to a request.
  ///
  /// - Throws: why it is refused as a whole. A single offer that can't be taken is refused in the answer.
  package func answer(_ request: AssociateRequest) throws(AssociateReject) -> AssociateAccept {
    if let refusal { throw refusal }
    if !mayCall(request) { throw AssociateReject(.permanent, .callingAETitleNotRecognized) }
    if let callingAETitles, !callingAETitles.contains(request.callingAETitle) {
      throw AssociateReject(.permanent, .callingAETitleNotRecognized)
    }
    if let calledAETitle, calledAETitle != request.calledAETitle {
      throw AssociateReject(.permanent, .calledAETitleNotRecognized)
    }
    var user = UserInformation(
      maximumLength: maximumLength, implementationClassUID: implementation.classUID,
      implementationVersionName: implementation.versionName)
    // One operation at a time, both ways: what was asked for is answered (PS3.7 D.3.3.3.2).
    if request.user.asynchronousOperations != nil {
      user.asynchronousOperations = AsynchronousOperations(invoked: 1, performed: 1)
    }
    user.roles = request.user.roles.filter { serves($0.sopClass) }.map {
      RoleSelection(sopClass: $0.sopClass, asSCU: $0.asSCU, asSCP: $0.asSCP && mayServe($0.sopClass))
    }
    return AssociateAccept(
      calledAETitle: request.calledAETitle, callingAETitle: request.callingAETitle, contexts: results(request),
      user: user)
  }

  private func results(_ request: AssociateRequest) -> [ContextResult] {
    var seen: Set<UInt8> = []
    return request.contexts.compactMap { context in
      // «… unique» (PS3.8 9.3.2.2): the first of an id counts, and one answer is given.
      guard seen.insert(context.id).inserted else { return nil }
      let none = context.transferSyntaxes.first ?? DICOMTransferSyntax.implicitLittle.uid
      guard serves(context.abstractSyntax) else {
        return ContextResult(id: context.id, result: .abstractSyntaxNotSupported, transferSyntax: none)
      }
      // In the requester's order: nothing is converted, so its first choice is the best.
      guard let syntax = context.transferSyntaxes.first(where: { takes($0, context.abstractSyntax) }) else {
        return ContextResult(id: context.id, result: .transferSyntaxesNotSupported, transferSyntax: none)
      }
      return ContextResult(id: context.id, result: .acceptance, transferSyntax: syntax)
    }
  }
}

/// Which program speaks (PS3.7 D.3.3.2).
package struct Implementation: Sendable, Hashable {
  package var classUID: String
  /// At most 16 characters.
  package var versionName: String

  /// This one: in associations, and in files as (0002,0012) and (0002,0013).
  package static let hilum = Implementation(
    classUID: "2.25.233744011871093712614512364826125318421", versionName: "HILUM")

  package init(classUID: String, versionName: String) {
    self.classUID = classUID
    self.versionName = versionName
  }
}

/// What both sides have agreed on.
package struct Agreement: Sendable {
  package struct Context: Sendable, Hashable {
    package let abstractSyntax: String
    package let transferSyntax: String
  }

  package let calledAETitle: String
  package let callingAETitle: String
  /// By id, those that were accepted.
  package let contexts: [UInt8: Context]
  /// What may be sent to the peer in one P-DATA-TF; 0 for any.
  package let peerMaximumLength: UInt32
  package let peer: UserInformation

  /// - Parameter isRequester: the request is ours, and the peer's user information is the answer's.
  package init(_ request: AssociateRequest, _ accept: AssociateAccept, isRequester: Bool) {
    (calledAETitle, callingAETitle) = (request.calledAETitle, request.callingAETitle)
    peer = isRequester ? accept.user : request.user
    peerMaximumLength = peer.maximumLength
    var contexts: [UInt8: Context] = [:]
    for result in accept.contexts where result.result == .acceptance {
      guard let offer = request.contexts.first(where: { $0.id == result.id }),
        offer.transferSyntaxes.contains(result.transferSyntax)
      else { continue }
      contexts[result.id] = Context(abstractSyntax: offer.abstractSyntax, transferSyntax: result.transferSyntax)
    }
    self.contexts = contexts
  }

  /// The context in which an object of a class can go as it is.
  package func context(for abstractSyntax: String, _ transferSyntax: String) -> UInt8? {
    contexts.filter { $0.value.abstractSyntax == abstractSyntax && $0.value.transferSyntax == transferSyntax }
      .keys.min()
  }
}
