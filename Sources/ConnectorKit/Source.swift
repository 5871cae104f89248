public import Messages

/// Takes messages from the outside and offers them to the inbox; answers its sender only with the receipt in hand.
public protocol SourceConnector: Connector {
  /// The format of what it takes where the channel names none; `nil` where only the channel can know.
  static var format: Format? { get }

  /// Listens or polls until its task is cancelled, and then returns when everything that was offered has been answered.
  ///
  /// Throwing means "this source stopped by mistake" (a port that is taken, a folder that is gone): the engine
  /// reports it and calls `run` again with back-off.
  func run(_ inbox: any Inbox) async throws

  /// What an operator sees of it. Called from any thread, and must not block.
  func status() -> SourceStatus

  /// Can the partner be reached that this source connects to: one line a step; `nil` where it is the partner that
  /// connects.
  func ping() async -> PingReport?
}

/// A source that fetches what lies somewhere, and can do so once when it is told: what a channel's `schedule:` needs.
/// When that is, the engine knows.
public protocol PollingSource: SourceConnector {
  /// Where it looks, for people: `/var/spool/in`.
  var place: String { get }

  /// Looks once: takes all that is there and ready at this moment, and returns when everything that was offered has
  /// been answered. What comes meanwhile is left for the next time.
  ///
  /// Returns soon when its task is cancelled. Throwing means that it could not look, or not to the end: the engine
  /// reports it and asks again with back-off.
  ///
  /// - Parameter patience: how long it waits for what is there and not ready yet (a file that still grows), and for an
  ///   engine that takes nothing at the moment. What isn't taken by then is left for the next time. For what may never
  ///   be ready it waits some minutes at most: while it does, nobody can make it look anew.
  func poll(_ inbox: any Inbox, patience: Duration) async throws
}

extension SourceConnector {
  public static var format: Format? { nil }
  public func status() -> SourceStatus { SourceStatus() }
  public func ping() async -> PingReport? { nil }
}

/// Where a source hands over what arrived.
public protocol Inbox: Sendable {
  /// Opens the order of one origin: a connection, a file. What is offered through one origin runs, commits and is
  /// answered in the order of the calls; origins don't wait for each other.
  func origin(_ name: String) -> any Origin

  /// Begins a content that is too large to be held in memory, such as a series of images. A source should do so for
  /// what may have more than `LargeContent.bytesMin`.
  func stage() throws(StagingError) -> any ContentWriter

  /// How far this source has come, as written by the newest committed arrival with this key.
  func progress(_ key: String) async throws -> Value?

  /// Whether a destination's settings name this channel as the one that its answers come to.
  var awaitsAnswers: Bool { get }

  /// Hands an answer that is no message, such as a report of storage commitment, to the delivery that it is for.
  ///
  /// - Parameters:
  ///   - name: what the answer names, as the destination expects it (`LaterAnswers.expect`).
  ///   - then: called once, on any thread: with `true` when the delivery's end that follows from it is durable, with
  ///     `false` where the sender should send it again.
  /// - Returns: `false` where nothing awaits it; `then` is not called.
  func answer(_ name: String, _ payload: Payload, then: @escaping @Sendable (_ isTaken: Bool) -> Void) -> Bool

  /// The columns of the messages that hold this value in one of them, and that the channel still has with their bytes:
  /// none of those that were rejected, dropped or discarded. Finds what has the columns of `LookupSettings`.
  func kept(_ column: String, _ value: String) async throws -> [[String: String]]
}

/// The settings of a source that looks up what its channel keeps.
public protocol LookupSettings: Settings {
  /// The columns that it is found by: the channel's messages get them beside its own.
  var lookupColumns: [(name: String, expression: String)] { get }
}

/// One sender's place in the queue.
public protocol Origin: AnyObject, Sendable {
  /// Hands over one arrival. Never suspends and never blocks; `then` is called once, in call order for this origin,
  /// on a thread of the engine, when the arrival is durable or known not to be. It must return at once: hop to your
  /// own event loop.
  ///
  /// After a receipt `unavailable`, everything behind it on this origin is `unavailable` too: close the connection,
  /// and open a new origin for the next.
  func offer(_ arrival: Arrival, then: @escaping @Sendable (Receipt) -> Void)

  /// The sender is gone: nobody hears the receipts that are still to come, and for what it was told that it is durable
  /// (`Arrival.whenDurable`) nothing is waited for any more.
  func close()
}

extension Origin {
  public func close() {}
}

/// What is kept as a file of its own.
public enum LargeContent {
  /// From how many bytes on a content is better kept on disk as it comes (`Inbox.stage`).
  public static let bytesMin = 256 << 10
}

extension Inbox {
  public func kept(_ column: String, _ value: String) async throws -> [[String: String]] { [] }
  public var awaitsAnswers: Bool { false }
  public func answer(_ name: String, _ payload: Payload, then: @escaping @Sendable (_ isTaken: Bool) -> Void) -> Bool {
    false
  }

  /// One arrival with an order of its own, for sources whose arrivals don't depend on each other.
  public func accept(_ arrival: Arrival) async -> Receipt {
    await origin("").accept(arrival)
  }
}

extension Origin {
  /// `offer`, waited for. Calls from one task keep their order; calls from several tasks don't.
  public func accept(_ arrival: Arrival) async -> Receipt {
    await withCheckedContinuation { continuation in
      offer(arrival) { continuation.resume(returning: $0) }
    }
  }
}

/// What a source took off the wire, before anyone has looked inside.
public struct Arrival: Sendable {
  public var payload: Payload
  /// What is known beside the content: `peer`, `file.name`, … seen by transforms as `message.source.…`.
  public var attributes: [String: Value]
  /// How far the source has come with this arrival: written in the same transaction, so that after a crash it neither
  /// takes a thing twice nor leaves one out.
  public var progress: Progress?
  /// The transport's own identity of this arrival (device, inode, size and time of a file with the message's number
  /// in it). An arrival whose identity was accepted before is a duplicate, whatever the channel says about
  /// `duplicates`.
  public var transportKey: String?

  /// Called before the receipt is there, from any thread, where that may wait for a partner: message and outcome are on
  /// disk, and whether it was rejected. A source that sets it tells its sender then that the message is safe and need
  /// not be sent again: nothing of it is withdrawn when the sender's time is over. Called in call order for one origin.
  public var whenDurable: (@Sendable (_ isRejected: Bool) -> Void)?

  /// Called before the receipt is there, from any thread, with what the channel's `prepare:` made of the payload.
  public var whenPrepared: (@Sendable (Payload) -> Void)?

  public struct Progress: Sendable, Hashable {
    public var key: String
    public var value: Value
    public init(key: String, value: Value) {
      self.key = key
      self.value = value
    }
  }

  public init(
    _ payload: Payload, attributes: [String: Value] = [:], progress: Progress? = nil, transportKey: String? = nil
  ) {
    self.payload = payload
    self.attributes = attributes
    self.progress = progress
    self.transportKey = transportKey
  }
}

/// What became of an arrival. Only with a receipt may the sender be answered.
public enum Receipt: Sendable, Equatable {
  /// Durable; `reply` is what the channel answers with, where it answers more than an acknowledgement.
  case accepted(MessageID, reply: Payload?)
  /// Durable, and the fault is ours to mend: the sender is told that it was accepted.
  case failed(MessageID)
  /// The same message was made durable before: answered as the first one was.
  case duplicate(of: MessageID)
  /// Not accepted. The refusal and the bytes are kept.
  case rejected(Rejection)
  /// Not stored, and not the sender's fault: it should try again later. MLLP closes without an ACK (never AR), HTTP
  /// 503, C-STORE A700. The reason is ours and safe to log.
  case unavailable(reason: String)
}

/// Why an arrival was not accepted, in words that every protocol can turn into its own.
public struct Rejection: Error, Sendable, Hashable {
  /// `error` asks for a change of the content before it is sent again (AE); `reject` says that it will never be taken
  /// (AR).
  public enum Kind: String, Sendable, Hashable {
    case error = "AE"
    case reject = "AR"
  }
  public var kind: Kind
  /// A status of DICOM (PS3.7 annex C), which are 0100H and more, or a number of HL7 table 0357 (message error
  /// condition codes), which are less: 100 segment sequence error, 101 required field missing, 102 data
  /// type error, 103 table value not found, 200 unsupported message type, 201 event code, 202 processing id, 203
  /// version id, 204 unknown key identifier, 205 duplicate key identifier, 206 application record locked, 207
  /// application internal error.
  public var number: Int
  /// May quote the message: goes to the sender and into the store, never into a log.
  public var text: String
  /// Where in the message, in the standard's notation (`PID-3`).
  public var place: String?
  /// Under which the refusal and the bytes are kept; `nil` before they are.
  public var message: MessageID?

  public init(_ kind: Kind, _ number: Int, _ text: String, at place: String? = nil) {
    self.kind = kind
    self.number = number
    self.text = text
    self.place = place
  }

  /// For people: `AR 207`, or of DICOM `A900H`.
  public var code: String {
    guard number >= 0x0100 else { return "\(kind.rawValue) \(number)" }
    let digits = String(number, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "H"
  }
}

/// A source as an operator sees it.
public struct SourceStatus: Sendable, Codable, Equatable {
  public struct Peer: Sendable, Codable, Equatable {
    public var address: String
    /// Milliseconds since 1970.
    public var connectedAt: Int64?
    public var lastMessageAt: Int64?
    public var messages: Int
    /// The last thing it was refused for, in our words, and how often that happened.
    public var lastRefusal: String?
    public var refusals: Int

    public init(
      address: String, connectedAt: Int64? = nil, lastMessageAt: Int64? = nil, messages: Int = 0,
      lastRefusal: String? = nil, refusals: Int = 0
    ) {
      self.address = address
      self.connectedAt = connectedAt
      self.lastMessageAt = lastMessageAt
      self.messages = messages
      self.lastRefusal = lastRefusal
      self.refusals = refusals
    }
  }

  /// Where it listens or looks, or whom it is connected to: `127.0.0.1:2575`, `/var/spool/in`. `nil` while it doesn't.
  public var listening: String?
  /// Why it doesn't, where the source tries again by itself.
  public var trouble: String?
  public var peers: [Peer]

  public init(listening: String? = nil, trouble: String? = nil, peers: [Peer] = []) {
    self.listening = listening
    self.trouble = trouble
    self.peers = peers
  }
}
