import Testing

@testable import DICOM

@Suite struct AssociationPolicyTests {
  private static let ct = "1.2.840.10008.5.1.4.1.1.2"
  private static let explicit = "1.2.840.10008.1.2.1"
  private static let jpeg = "1.2.840.10008.1.2.4.50"

  private func policy(called: String? = "PACS", callers: Set<String>? = nil) -> AssociationPolicy {
    AssociationPolicy(
      calledAETitle: called, callingAETitles: callers, maximumLength: 65_536,
      implementation: Implementation(classUID: "1.2.3", versionName: "TEST"), serves: { $0 == Self.ct },
      takes: { syntax, _ in syntax != Self.jpeg }, mayServe: { _ in false })
  }

  private func request(_ contexts: [PresentationContext]) -> AssociateRequest {
    AssociateRequest(
      calledAETitle: "PACS", callingAETitle: "CT1", contexts: contexts,
      user: UserInformation(maximumLength: 16_384, implementationClassUID: "9.9"))
  }

  @Test("each offer has its answer") func offers() throws {
    var request = request([
      PresentationContext(id: 1, abstractSyntax: Self.ct, transferSyntaxes: [Self.jpeg, Self.explicit]),
      PresentationContext(id: 3, abstractSyntax: Self.ct, transferSyntaxes: [Self.jpeg]),
      PresentationContext(id: 5, abstractSyntax: "1.2.3", transferSyntaxes: [Self.explicit]),
      PresentationContext(id: 7, abstractSyntax: Self.ct, transferSyntaxes: []),
      PresentationContext(id: 1, abstractSyntax: "1.2.3", transferSyntaxes: [Self.explicit]),
    ])
    request.user.asynchronousOperations = AsynchronousOperations(invoked: 0, performed: 0)
    request.user.roles = [
      RoleSelection(sopClass: Self.ct, asSCU: true, asSCP: true),
      RoleSelection(sopClass: "1.2.3", asSCU: true, asSCP: true),
    ]
    let accept = try policy().answer(request)
    #expect(
      accept.contexts.map(\.result) == [
        .acceptance, .transferSyntaxesNotSupported, .abstractSyntaxNotSupported, .transferSyntaxesNotSupported,
      ])
    #expect(accept.contexts.map(\.id) == [1, 3, 5, 7])
    #expect(accept.contexts[0].transferSyntax == Self.explicit)
    #expect(accept.user.asynchronousOperations == AsynchronousOperations(invoked: 1, performed: 1))
    #expect(accept.user.roles == [RoleSelection(sopClass: Self.ct, asSCU: true, asSCP: false)])
    let agreement = Agreement(request, accept, isRequester: true)
    #expect(agreement.contexts == [1: .init(abstractSyntax: Self.ct, transferSyntax: Self.explicit)])
    #expect(agreement.peerMaximumLength == 65_536)
    #expect(Agreement(request, accept, isRequester: false).peerMaximumLength == 16_384)
    #expect(agreement.context(for: Self.ct, Self.explicit) == 1)
    #expect(agreement.context(for: Self.ct, Self.jpeg) == nil)
  }

  @Test("who is not known is refused") func strangers() {
    let request = request([])
    #expect(throws: AssociateReject(.permanent, .calledAETitleNotRecognized)) {
      try policy(called: "OTHER").answer(request)
    }
    #expect(throws: AssociateReject(.permanent, .callingAETitleNotRecognized)) {
      try policy(callers: ["MR1"]).answer(request)
    }
    #expect(throws: Never.self) { try policy(called: nil, callers: ["CT1"]).answer(request) }
  }

  @Test("a transfer syntax that was not offered is no agreement") func notOffered() {
    let request = request([PresentationContext(id: 1, abstractSyntax: Self.ct, transferSyntaxes: [Self.explicit])])
    let accept = AssociateAccept(
      calledAETitle: "PACS", callingAETitle: "CT1",
      contexts: [
        ContextResult(id: 1, result: .acceptance, transferSyntax: Self.jpeg),
        ContextResult(id: 9, result: .acceptance, transferSyntax: Self.explicit),
      ], user: request.user)
    #expect(Agreement(request, accept, isRequester: true).contexts.isEmpty)
  }
}
