/// A protocol data unit of the DICOM upper layer (PS3.8 9.3).
package enum PDU: Sendable, Hashable {
  case associateRequest(AssociateRequest)
  case associateAccept(AssociateAccept)
  case associateReject(AssociateReject)
  /// P-DATA-TF.
  case data([PresentationDataValue])
  case releaseRequest
  case releaseReply
  case abort(Abort)

  /// The first byte of each (PS3.8 9.3.1).
  package enum Kind: UInt8, Sendable, CaseIterable {
    case associateRequest = 1
    case associateAccept, associateReject, data, releaseRequest, releaseReply, abort

    /// As the standard writes it.
    package var name: String {
      switch self {
      case .associateRequest: "A-ASSOCIATE-RQ"
      case .associateAccept: "A-ASSOCIATE-AC"
      case .associateReject: "A-ASSOCIATE-RJ"
      case .data: "P-DATA-TF"
      case .releaseRequest: "A-RELEASE-RQ"
      case .releaseReply: "A-RELEASE-RP"
      case .abort: "A-ABORT"
      }
    }
  }

  package var kind: Kind {
    switch self {
    case .associateRequest: .associateRequest
    case .associateAccept: .associateAccept
    case .associateReject: .associateReject
    case .data: .data
    case .releaseRequest: .releaseRequest
    case .releaseReply: .releaseReply
    case .abort: .abort
    }
  }
}

/// A-ASSOCIATE-RQ (PS3.8 9.3.2).
package struct AssociateRequest: Sendable, Hashable {
  /// Bit 0 stands for version 1, the only one there is.
  package var protocolVersion: UInt16 = 1
  package var calledAETitle: String
  package var callingAETitle: String
  package var applicationContext = DICOMUpperLayer.applicationContext
  package var contexts: [PresentationContext]
  package var user: UserInformation

  package init(calledAETitle: String, callingAETitle: String, contexts: [PresentationContext], user: UserInformation) {
    self.calledAETitle = calledAETitle
    self.callingAETitle = callingAETitle
    self.contexts = contexts
    self.user = user
  }
}

/// What a requester offers to talk about: an abstract syntax, and the transfer syntaxes that it can do it in.
package struct PresentationContext: Sendable, Hashable {
  /// Odd, 1 to 255.
  package var id: UInt8
  package var abstractSyntax: String
  package var transferSyntaxes: [String]

  package init(id: UInt8, abstractSyntax: String, transferSyntaxes: [String]) {
    self.id = id
    self.abstractSyntax = abstractSyntax
    self.transferSyntaxes = transferSyntaxes
  }
}

/// A-ASSOCIATE-AC (PS3.8 9.3.3).
package struct AssociateAccept: Sendable, Hashable {
  package var protocolVersion: UInt16 = 1
  /// Sent back as they came; «this field shall not be tested» by who gets them.
  package var calledAETitle: String
  package var callingAETitle: String
  package var applicationContext = DICOMUpperLayer.applicationContext
  package var contexts: [ContextResult]
  package var user: UserInformation

  package init(calledAETitle: String, callingAETitle: String, contexts: [ContextResult], user: UserInformation) {
    self.calledAETitle = calledAETitle
    self.callingAETitle = callingAETitle
    self.contexts = contexts
    self.user = user
  }
}

/// The answer to one offer.
package struct ContextResult: Sendable, Hashable {
  /// PS3.8 table 9-18.
  package enum Result: UInt8, Sendable {
    case acceptance, userRejection, noReason, abstractSyntaxNotSupported, transferSyntaxesNotSupported
  }

  package var id: UInt8
  package var result: Result
  /// Of no meaning unless it was accepted.
  package var transferSyntax: String

  package init(id: UInt8, result: Result, transferSyntax: String) {
    self.id = id
    self.result = result
    self.transferSyntax = transferSyntax
  }
}

/// A-ASSOCIATE-RJ (PS3.8 9.3.4).
package struct AssociateReject: Error, Sendable, Hashable {
  package enum Result: UInt8, Sendable { case permanent = 1, transient }

  /// Who refuses, with its reason (PS3.8 table 9-21).
  package enum Reason: Sendable, Hashable {
    case noReason, applicationContextNotSupported, callingAETitleNotRecognized, calledAETitleNotRecognized
    /// Of the service provider, ACSE.
    case providerNoReason, protocolVersionNotSupported
    /// Of the service provider, presentation.
    case temporaryCongestion, localLimitExceeded
    /// A pair that the standard has no meaning for.
    case other(source: UInt8, reason: UInt8)

    package var code: (source: UInt8, reason: UInt8) {
      switch self {
      case .noReason: (1, 1)
      case .applicationContextNotSupported: (1, 2)
      case .callingAETitleNotRecognized: (1, 3)
      case .calledAETitleNotRecognized: (1, 7)
      case .providerNoReason: (2, 1)
      case .protocolVersionNotSupported: (2, 2)
      case .temporaryCongestion: (3, 1)
      case .localLimitExceeded: (3, 2)
      case .other(let source, let reason): (source, reason)
      }
    }

    package init(source: UInt8, reason: UInt8) {
      let known: [Reason] = [
        .noReason, .applicationContextNotSupported, .callingAETitleNotRecognized, .calledAETitleNotRecognized,
        .providerNoReason, .protocolVersionNotSupported, .temporaryCongestion, .localLimitExceeded,
      ]
      self = known.first { $0.code == (source, reason) } ?? .other(source: source, reason: reason)
    }
  }

  package var result: Result
  package var reason: Reason

  package init(_ result: Result, _ reason: Reason) {
    self.result = result
    self.reason = reason
  }
}

extension AssociateReject: CustomStringConvertible {
  package var description: String {
    let why =
      switch reason {
      case .noReason, .providerNoReason: "it gave no reason"
      case .applicationContextNotSupported: "it does not know the application context of DICOM"
      case .callingAETitleNotRecognized: "it does not know the calling AE title"
      case .calledAETitleNotRecognized: "it is not called by this AE title"
      case .protocolVersionNotSupported: "it does not know version 1 of the upper layer"
      case .temporaryCongestion: "it is busy"
      case .localLimitExceeded: "it has no room for another association"
      case .other(let source, let reason): "reason \(reason) of source \(source)"
      }
    return "the association was refused \(result == .transient ? "for now" : "for good"): \(why)"
  }
}

/// A-ABORT (PS3.8 9.3.8).
package struct Abort: Sendable, Hashable {
  package enum Source: UInt8, Sendable {
    case serviceUser = 0
    case serviceProvider = 2
  }

  /// Of the service provider (PS3.8 table 9-26); a service user gives none.
  package enum Reason: UInt8, Sendable {
    case notSpecified, unrecognizedPDU, unexpectedPDU
    case unrecognizedParameter = 4
    case unexpectedParameter, invalidParameter
  }

  package var source: Source
  package var reason: Reason

  package init(_ source: Source, _ reason: Reason = .notSpecified) {
    self.source = source
    self.reason = reason
  }
}

/// A part of a message in a P-DATA-TF (PS3.8 9.3.5.1, annex E.2).
package struct PresentationDataValue: Sendable, Hashable {
  package var contextID: UInt8
  /// A command set; otherwise a data set.
  package var isCommand: Bool
  /// Nothing of the command or data set follows.
  package var isLast: Bool
  package var bytes: ArraySlice<UInt8>

  package init(contextID: UInt8, isCommand: Bool, isLast: Bool, bytes: ArraySlice<UInt8>) {
    self.contextID = contextID
    self.isCommand = isCommand
    self.isLast = isLast
    self.bytes = bytes
  }

  package static func == (a: Self, b: Self) -> Bool {
    a.contextID == b.contextID && a.isCommand == b.isCommand && a.isLast == b.isLast && a.bytes.elementsEqual(b.bytes)
  }
}

/// What the users of the service tell each other (PS3.8 9.3.2.3, PS3.7 annex D.3).
package struct UserInformation: Sendable, Hashable {
  /// The longest P-DATA-TF, without its first six bytes, that the sender of this takes; 0 for any.
  package var maximumLength: UInt32
  package var implementationClassUID: String
  package var implementationVersionName: String?
  /// Operations under way at a time; both 1 where nothing is said of it (PS3.7 D.3.3.3).
  package var asynchronousOperations: AsynchronousOperations?
  package var roles: [RoleSelection] = []
  package var extendedNegotiations: [ExtendedNegotiation] = []
  package var identity: UserIdentity?
  package var identityResponse: [UInt8]?

  package init(maximumLength: UInt32, implementationClassUID: String, implementationVersionName: String? = nil) {
    self.maximumLength = maximumLength
    self.implementationClassUID = implementationClassUID
    self.implementationVersionName = implementationVersionName
  }
}

package struct AsynchronousOperations: Sendable, Hashable {
  /// 0 for any number.
  package var invoked: UInt16
  package var performed: UInt16

  package init(invoked: UInt16, performed: UInt16) {
    self.invoked = invoked
    self.performed = performed
  }
}

/// PS3.7 D.3.3.4.
package struct RoleSelection: Sendable, Hashable {
  package var sopClass: String
  package var asSCU: Bool
  package var asSCP: Bool

  package init(sopClass: String, asSCU: Bool, asSCP: Bool) {
    self.sopClass = sopClass
    self.asSCU = asSCU
    self.asSCP = asSCP
  }
}

/// PS3.7 D.3.3.5: what it says is the service class's own.
package struct ExtendedNegotiation: Sendable, Hashable {
  package var sopClass: String
  package var information: [UInt8]

  package init(sopClass: String, information: [UInt8]) {
    self.sopClass = sopClass
    self.information = information
  }
}

/// PS3.7 D.3.3.7. It is a secret: no description shows it.
package struct UserIdentity: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
  /// 1 a name, 2 a name and a passcode, 3 Kerberos, 4 SAML, 5 JSON Web Token.
  package var kind: UInt8
  package var wantsResponse: Bool
  package var primary: [UInt8]
  package var secondary: [UInt8]

  package init(kind: UInt8, wantsResponse: Bool, primary: [UInt8], secondary: [UInt8]) {
    self.kind = kind
    self.wantsResponse = wantsResponse
    self.primary = primary
    self.secondary = secondary
  }

  package var description: String { "identity of type \(kind)" }
  package var customMirror: Mirror { Mirror(self, children: ["identity": description]) }
}

package enum DICOMUpperLayer {
  /// PS3.7 annex A.2.1: the only one that is defined.
  package static let applicationContext = "1.2.840.10008.3.1.1.1"
}
