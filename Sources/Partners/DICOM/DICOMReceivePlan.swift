package import DICOM

/// What a test partner does with an object that comes to it.
package struct DICOMBehaviour: Sendable, Hashable {
  package enum Answer: Sendable, Hashable {
    case status(DIMSEStatus)
    /// No answer at all.
    case none
    /// A-ABORT instead of an answer.
    case abort
    /// A-ABORT as soon as something of the data set has come.
    case abortDuring
    /// The connection is closed without a word.
    case close
  }

  package var answer: Answer
  /// Between the end of the data set and the answer.
  package var delay: Duration = .zero

  package init(_ answer: Answer = .status(.success), delay: Duration = .zero) {
    self.answer = answer
    self.delay = delay
  }

  package static let words = ["a status such as 0000, B000, A700 or C000", "none", "abort", "abort-during"]

  /// The word of `--answer`: four hexadecimal digits, or one of `words`.
  package init?(word: String) {
    switch word {
    case "none": self.init(.none)
    case "abort": self.init(.abort)
    case "abort-during": self.init(.abortDuring)
    default:
      guard word.utf8.count == 4, let code = UInt16(word, radix: 16) else { return nil }
      self.init(.status(DIMSEStatus(code)))
    }
  }
}

/// How a test partner for DICOM is set up.
package struct DICOMReceivePlan: Sendable {
  /// A port of 0 lets the system choose. Where it has a title, others are refused.
  package var endpoint: PartnerEndpoint
  package var tls = PartnerTLS()
  /// Who may call; `nil` for anybody.
  package var callers: Set<String>?
  /// Every association is refused with this.
  package var refusal: AssociateReject?
  /// The longest P-DATA-TF that it takes.
  package var maximumLength: UInt32 = 1 << 17
  package var times = Times()
  /// What it does with each object. Called on the receiver's thread when the object begins: how long it is isn't known
  /// yet.
  package var script: @Sendable (DICOMReception) -> DICOMBehaviour
  /// Called when an object is there as a whole.
  package var whenReceived: @Sendable (DICOMReception) -> Void = { _ in }
  /// A folder that each object is written to as a file of its own: `000001.dcm` and so on.
  package var folder: String?
  /// A file is on disk (fdatasync) before its object is answered.
  package var syncs = false
  /// Keeps data sets, for tests.
  package var keepsBytes = false
  package var commitment = Commitment()

  package struct Times: Sendable, Hashable {
    package var artim: Duration = .seconds(30)
    package var silence: Duration = .seconds(120)
    package init() {}
  }

  /// How storage commitment is answered.
  package struct Commitment: Sendable, Hashable {
    /// Where the report goes on an association of its own; `nil` for the one that asked.
    package var to: PartnerEndpoint?
    package var after: Duration = .zero
    package init(to: PartnerEndpoint? = nil, after: Duration = .zero) {
      self.to = to
      self.after = after
    }
  }

  package init(
    _ endpoint: PartnerEndpoint = PartnerEndpoint(.dicom, port: 0),
    script: @escaping @Sendable (DICOMReception) -> DICOMBehaviour = { _ in DICOMBehaviour() }
  ) {
    self.endpoint = endpoint
    self.script = script
  }
}

/// One object that a test partner got.
package struct DICOMReception: Sendable, Hashable {
  /// Its place among all that began, from 0.
  package var number: Int
  package var sopClass: String
  package var sopInstance: String
  package var transferSyntax: String
  package var callingAETitle: String
  /// Which of the connections it came on, from 0.
  package var connection: Int
  /// Of the data set.
  package var byteCount = 0
  /// The data set, where the receiver keeps it.
  package var bytes: [UInt8]?
}
