package import DICOM

/// What a test sender of DICOM does.
package struct DICOMSendPlan: Sendable {
  package var endpoint: PartnerEndpoint
  /// Used where the endpoint says TLS.
  package var tls = PartnerTLS()
  /// What the sender calls itself.
  package var calling = "HILUM"
  /// Whom it calls where the endpoint names nobody.
  package static let anybody = "ANY-SCP"
  /// Objects a second, sent at the times of a schedule; `nil` sends as answers come.
  package var rate: Double?
  /// Associations at once; each has one object under way.
  package var connections = 1
  /// How long an answer, or the taking of what is sent, may last.
  package var timeout: Duration = .seconds(30)

  package init(_ endpoint: PartnerEndpoint) { self.endpoint = endpoint }
}

/// What is sent: an object, or a question whether somebody is there.
package enum DICOMSending: Sendable, Hashable {
  case echo
  case file(DICOMSendFile)

  /// The abstract syntax that it needs, and the transfer syntax; `nil` for the one that everybody has to take.
  var offer: DICOMOffer {
    switch self {
    case .echo: DICOMOffer(abstractSyntax: DICOMUID.verification, transferSyntax: nil)
    case .file(let file): DICOMOffer(abstractSyntax: file.sopClass, transferSyntax: file.transferSyntax)
    }
  }
}

struct DICOMOffer: Sendable, Hashable {
  var abstractSyntax: String
  var transferSyntax: String?
}

/// What became of one sending.
package struct DICOMSendOutcome: Sendable, Hashable {
  package enum Failure: String, Sendable, Hashable, CaseIterable {
    case notConnected = "no connection"
    case refused = "association refused"
    case notAgreed = "not taken by the peer: SOP class or transfer syntax"
    case connectionLost = "connection lost"
    case aborted = "aborted by the peer"
    case violated = "a peer that doesn't speak DICOM"
    case noAnswerInTime = "no answer in time"
    case notRead = "a file that can't be read"
    case abandoned = "given up"
  }

  /// Its place among all, from 0.
  package var number: Int
  package var sending: DICOMSending
  package var status: DIMSEStatus?
  /// What the peer said to its status (0000,0902). May quote the object.
  package var comment: String?
  package var failure: Failure?
  /// What is known of the failure.
  package var reason: String?
  /// From the command to its answer, or with a rate from when it was due; 0 without an answer.
  package var nanoseconds: UInt64 = 0
  /// The connection it was given to, from 0.
  package var connection = 0

  /// Success, or a warning: it was taken.
  package var isTaken: Bool { status?.statusClass == .success || status?.statusClass == .warning }
}

/// What a test sender of DICOM did.
package struct DICOMSendReport: Sendable, CustomStringConvertible {
  /// One for each, by number.
  package var outcomes: [DICOMSendOutcome]
  package var latency = LatencyHistogram()
  package var seconds = 0.0
  /// Of data sets that were answered.
  package var byteCount = 0
  /// Associations that were made.
  package var associationCount = 0

  package func count(_ failure: DICOMSendOutcome.Failure) -> Int { outcomes.count { $0.failure == failure } }
  package func count(_ status: DIMSEStatus) -> Int { outcomes.count { $0.status == status } }
  package var isAllTaken: Bool { outcomes.allSatisfy(\.isTaken) }

  package var description: String {
    let statuses = Dictionary(grouping: outcomes.compactMap(\.status), by: \.self).sorted { $0.key.code < $1.key.code }
    let failures = DICOMSendOutcome.Failure.allCases.filter { count($0) > 0 }
    let parts = statuses.map { "\($0.value.count) \($0.key)" } + failures.map { "\(count($0)) \($0.rawValue)" }
    let answered = Double(outcomes.count { $0.status != nil })
    let rate = seconds > 0 ? Int((answered / seconds).rounded()) : 0
    let megabytes = seconds > 0 ? Double(byteCount) / seconds / 1e6 : 0
    var text = "\(outcomes.count) in \(Decimals.text(seconds, places: 2)) s (\(rate)/s"
    text += ", \(Decimals.text(megabytes, places: 1)) MB/s): " + parts.joined(separator: "; ")
    if latency.count > 0 { text += "\nlatency \(latency.summary)" }
    return text
  }
}
