/// What a test partner does with a message that it has read.
package struct ReceiverBehaviour: Sendable, Hashable {
  package enum Answer: Sendable, Hashable {
    case code(AcknowledgementCode)
    /// No answer at all.
    case none
    /// A frame that is no HL7.
    case garbage
    /// A frame with nothing in it.
    case empty
    /// AA for a message that nobody sent.
    case wrongID
    /// AA, twice.
    case twice
    /// Any bytes, unframed.
    case bytes([UInt8])
  }

  package enum Closing: Sendable, Hashable {
    case never
    /// FIN instead of an answer, or after it.
    case beforeAnswer, afterAnswer
    /// RST instead of an answer, or after it.
    case resetBeforeAnswer, resetAfterAnswer
    /// FIN of its own direction only: it goes on reading.
    case halfAfterAnswer
  }

  package var answer: Answer
  /// Between reading the message and answering.
  package var delay: Duration = .zero
  package var closing = Closing.never
  /// After an accept acknowledgement (CA): the application acknowledgement, and how much later it comes.
  package var application: Application?

  package struct Application: Sendable, Hashable {
    package var code: AcknowledgementCode
    package var after: Duration
    /// Where it is sent to as a message of its own, sent again until it is answered; `nil` for the connection that the
    /// message came on.
    package var to: PartnerEndpoint?
    package init(code: AcknowledgementCode = .AA, after: Duration = .zero, to: PartnerEndpoint? = nil) {
      self.code = code
      self.after = after
      self.to = to
    }
  }

  package init(_ answer: Answer = .code(.AA), delay: Duration = .zero, closing: Closing = .never) {
    self.answer = answer
    self.delay = delay
    self.closing = closing
  }

  package static func code(_ code: AcknowledgementCode) -> ReceiverBehaviour { ReceiverBehaviour(.code(code)) }

  /// The word of `--answer`: AA, AE, AR, CA, CE, CR, none, garbage, wrong-id, twice, empty.
  package init?(word: String) {
    if let code = AcknowledgementCode(rawValue: word.uppercased()) {
      self.init(.code(code))
      return
    }
    switch word {
    case "none": self.init(.none)
    case "garbage": self.init(.garbage)
    case "wrong-id": self.init(.wrongID)
    case "twice": self.init(.twice)
    case "empty": self.init(.empty)
    default: return nil
    }
  }

  package static let words =
    AcknowledgementCode.allCases.map(\.rawValue) + ["none", "garbage", "wrong-id", "twice", "empty"]
}

/// How a test partner is set up.
package struct ReceivePlan: Sendable {
  /// A port of 0 lets the system choose; a receiver that is started again keeps the port that it had.
  package var endpoint: PartnerEndpoint
  package var tls = PartnerTLS()
  /// What it does with each message. Called on the receiver's thread.
  package var script: @Sendable (Reception) -> ReceiverBehaviour
  /// Reads no faster than this from each connection, in bytes a second.
  package var readingRate: Int?
  /// Keeps the bytes of what it got, for tests; otherwise only their hash.
  package var keepsBytes = false
  /// A folder that each message is written to as a file of its own: `000001.hl7` and so on.
  package var folder: String?
  package var history: HistoryLog?
  /// What the partner is called in the history.
  package var lane = "partner"

  package init(
    _ endpoint: PartnerEndpoint = PartnerEndpoint(port: 0),
    script: @escaping @Sendable (Reception) -> ReceiverBehaviour
  ) {
    self.endpoint = endpoint
    self.script = script
  }

  /// - Parameter dropEvery: every nth message's connection is closed without an answer.
  package init(
    _ endpoint: PartnerEndpoint = PartnerEndpoint(port: 0), always behaviour: ReceiverBehaviour = ReceiverBehaviour(),
    dropEvery: Int? = nil
  ) {
    self.init(endpoint) { reception in
      if let dropEvery, dropEvery > 0, (reception.number + 1) % dropEvery == 0 {
        return ReceiverBehaviour(.none, closing: .beforeAnswer)
      }
      return behaviour
    }
  }
}

/// One message that a test partner got.
package struct Reception: Sendable, Hashable {
  /// Its place among all that the receiver got, from 0.
  package var number: Int
  /// MSH-10; empty where there is none.
  package var controlID: String
  package var hash: String
  package var byteCount: Int
  /// Nanoseconds of ``MonotonicClock`` when it was read whole.
  package var at: UInt64
  /// Which of the connections it came on, from 0 in the order in which they were made.
  package var connection: Int
  /// How often this control id has come, this time included.
  package var occurrence: Int
  /// The content, where the receiver keeps it.
  package var bytes: [UInt8]?
}
