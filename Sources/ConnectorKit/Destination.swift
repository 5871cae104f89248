public import Messages

/// Takes messages to a partner. Sends each once and says what came of it; the engine alone decides whether and when
/// again.
public protocol DestinationConnector: Connector {
  /// The format of the answers that a partner gives and a program can read (`reply:`); `nil` where there are none.
  static var answers: Format? { get }

  /// Whether it reads the content of a large delivery piece by piece (`Delivery.read`). To others it comes as bytes,
  /// whole in memory.
  static var readsInPieces: Bool { get }

  /// Its lane begins to work: opens what must be there before there is anything to send, such as a port that the
  /// partner connects to. Never blocks and never fails: what can't be opened now is tried again until `close`.
  ///
  /// - Parameter whenReachable: to be called, from any thread, when a partner that could not be reached is there: what
  ///   waits for its next try is tried soon.
  func open(_ whenReachable: @escaping @Sendable () -> Void)

  /// What an operator sees of a destination that partners connect to; `nil` of one that connects to them. Called from
  /// any thread, and must not block.
  func status() -> DestinationStatus?

  /// Sends once. Called in the lane's order and never blocks; `then` is called exactly once, from any thread, when
  /// the partner has taken the message or it is known that it hasn't. Never retries, never sleeps.
  ///
  /// With a `window` above 1 several sends are under way at once: they must reach the partner in call order, on one
  /// connection. With `inFlight` above 1 (`ConnectorContext`) there is no order among those that are under way, and
  /// none follows others: each may have a connection of its own.
  func send(_ delivery: Delivery, then: @escaping @Sendable (Result<Reply, DeliveryError>) -> Void)

  /// Can the partner be reached: opens what a send would open and says what was seen, one line a step. Sends no
  /// message.
  func ping() async -> PingReport

  /// Closes connections and lets go of what is kept. What is under way ends as `cancelled`.
  func close() async

  /// What the partner has accepted and has not told the outcome of, in any order. Called from any thread, and must not
  /// block.
  func accepted() -> [AcceptedDelivery]

  /// Its lane stops: what the partner has accepted, and whose outcome may be minutes away, ends as `cancelled`.
  func stopAwaiting()

  /// What a partner's answer means that came on a way of its own, to a delivery that isn't under way; `nil` where that
  /// is no answer.
  func meaning(of answer: Payload) -> Result<Reply, DeliveryError>?
}

extension DestinationConnector {
  public static var answers: Format? { nil }
  public static var readsInPieces: Bool { false }
  public func open(_ whenReachable: @escaping @Sendable () -> Void) {}
  public func status() -> DestinationStatus? { nil }
  public func accepted() -> [AcceptedDelivery] { [] }
  public func stopAwaiting() {}
  public func meaning(of answer: Payload) -> Result<Reply, DeliveryError>? { nil }
}

/// A destination that partners connect to, as an operator sees it.
public struct DestinationStatus: Sendable, Codable, Equatable {
  /// Where it listens: `127.0.0.1:7000`. `nil` while it doesn't.
  public var listening: String?
  /// Why it doesn't listen although it should.
  public var trouble: String?
  public var peers: [SourceStatus.Peer]

  public init(listening: String? = nil, trouble: String? = nil, peers: [SourceStatus.Peer] = []) {
    self.listening = listening
    self.trouble = trouble
    self.peers = peers
  }
}

/// A destination whose sends are simplest written as one `async` function. One send at a time.
public protocol SequentialDestination: DestinationConnector {
  /// Sends once; returns only when the partner has taken the message.
  func send(_ delivery: Delivery) async throws(DeliveryError) -> Reply
}

extension SequentialDestination {
  public func send(_ delivery: Delivery, then: @escaping @Sendable (Result<Reply, DeliveryError>) -> Void) {
    Task {
      do throws(DeliveryError) {
        then(.success(try await send(delivery)))
      } catch {
        then(.failure(error))
      }
    }
  }
}

/// One message for one destination, as it was fixed when the message was accepted.
public struct Delivery: Sendable {
  public let id: DeliveryID
  /// The message it came from.
  public let message: MessageID
  public let lane: LaneName
  public let payload: Payload
  /// Counts from 1.
  public let attempt: Int
  /// It may have reached the partner before: a reply was lost, or the engine died while it was under way.
  public let possibleDuplicate: Bool
  /// Others of its lane were under way when it was decided to send this one. A connector that has failed one of those
  /// as unreachable must fail this one too, however late it comes, or it would overtake: the first that doesn't follow
  /// others is the lane's new attempt.
  public let followsOthers: Bool
  /// The values of this destination's templates, by setting (`name`), taken from the message before the commit.
  public let rendered: [String: [TemplatePiece]]
  private let open: @Sendable (Payload) throws(ContentError) -> any ContentReader

  /// - Parameter open: reads what is not in memory.
  public init(
    id: DeliveryID, message: MessageID, lane: LaneName, payload: Payload, attempt: Int, possibleDuplicate: Bool,
    followsOthers: Bool = false, rendered: [String: [TemplatePiece]] = [:],
    open: @escaping @Sendable (Payload) throws(ContentError) -> any ContentReader = Self.inMemory
  ) {
    self.id = id
    self.message = message
    self.lane = lane
    self.payload = payload
    self.attempt = attempt
    self.possibleDuplicate = possibleDuplicate
    self.followsOthers = followsOthers
    self.rendered = rendered
    self.open = open
  }

  /// Begins to read the content. Blocks on the disk.
  public func read() throws(ContentError) -> any ContentReader { try open(payload) }

  /// For what has no store.
  public static func inMemory(_ payload: Payload) throws(ContentError) -> any ContentReader {
    guard case .bytes(let bytes) = payload.content else {
      throw ContentError("the content is a file of a store that is not at hand")
    }
    return BytesReader(bytes)
  }
}

/// A part of a rendered template: text of the channel's author, or a value of a message. The connector makes each
/// value safe for the place it goes to; what the author wrote is taken as it is.
public enum TemplatePiece: Sendable, Hashable, Codable {
  case literal(String)
  case value(String)
}

/// The partner has taken the message.
public struct Reply: Sendable {
  /// What it answered, kept with the delivery; `nil` where the protocol has no answer.
  public var payload: Payload?
  /// In a few words of ours what happened: `AA`, `201 Created`, `written as ABC.hl7`. Shown to operators; may hold a
  /// value of the message, so it is stored sealed and never logged.
  public var summary: String

  public init(_ summary: String, payload: Payload? = nil) {
    self.summary = summary
    self.payload = payload
  }
}

/// The partner has not taken the message, as far as we know.
public struct DeliveryError: Error, Sendable {
  public enum Kind: String, Sendable, Hashable, Codable {
    /// No connection, no answer, "try later": belongs to the partner, not to this message. Tried again as long as
    /// `retry: for` says.
    case unreachable
    /// An answer that refuses this message but may not refuse it again (AE).
    case retryable
    /// This message will never be taken (AR, a name that can't be written).
    case permanent
    /// The partner has accepted the message, and did not say in time what came of it: it may take it yet. Counts as a
    /// refusal with the code `unanswered`; sent again it is a possible duplicate.
    case unanswered
    /// The engine is stopping, or the lane was cancelled. Says nothing about partner or message.
    case cancelled
  }

  public var kind: Kind
  /// In our words, without content: goes to logs and to `hilum status`.
  public var reason: String
  /// The code of a partner's refusal (`AE`, `AR`, `CE`, `CR`, `422`): the key of the channel's `refused:`.
  public var code: String?
  /// The partner's words. Stored sealed and shown, never logged.
  public var partnerText: String?
  /// The partner's whole answer, where there was one.
  public var reply: Payload?
  /// The partner asked to wait this long.
  public var retryAfter: Duration?
  /// Bytes of the message may have reached the partner: the next attempt is a possible duplicate.
  public var bytesSent: Bool

  public init(
    _ kind: Kind, _ reason: String, code: String? = nil, partnerText: String? = nil, reply: Payload? = nil,
    retryAfter: Duration? = nil, bytesSent: Bool
  ) {
    self.kind = kind
    self.reason = reason
    self.code = code
    self.partnerText = partnerText
    self.reply = reply
    self.retryAfter = retryAfter
    self.bytesSent = bytesSent
  }
}

/// What `hilum ping` saw, step by step: the name looked up, the connection, the TLS handshake.
public struct PingReport: Sendable, Codable, Equatable {
  public var reached: Bool
  public var lines: [String]

  public init(reached: Bool, lines: [String]) {
    self.reached = reached
    self.lines = lines
  }
}
