package import Messages

/// The durable promise: what a store has answered for is on disk, and stays.
///
/// One engine owns one store. Writing is done by units: values that say what shall be true, run by a single writer
/// that commits waiting units in groups. A unit's conditions are in the unit (`epoch`, keys, states): where they don't
/// hold any more the unit is *stale*, changes nothing, and the rest of its group goes on. Every `then` is called once,
/// in the order in which the units of one caller were handed over, on the store's own thread, after the group's commit
/// is on disk: it must return at once.
///
/// The protocol speaks of keys and values only, so that it can be kept on another database.
package protocol Store: AnyObject, Sendable {
  // MARK: Opening

  /// Numbers this ownership of the store; each opening gives a greater one. A unit that carries an older epoch is
  /// stale.
  var epoch: Int64 { get }
  /// Whether the last owner closed the store in order. After anything else, what was under way may have reached its
  /// partner.
  var closedCleanly: Bool { get }
  /// Why nothing is sent until a person releases the store; `nil` where that isn't so.
  var outgoingHold: OutgoingHold? { get }
  /// Whether new arrivals are taken at this moment, and why not.
  var condition: StoreCondition { get }
  /// Called (on the store's thread) whenever `condition` changes. At most one observer.
  func observe(_ change: @escaping @Sendable (StoreCondition) -> Void)
  /// The disk and the files at this moment; `nil` where that can't be told. Any thread; asks the system, reads nothing.
  func facts() -> StoreFacts?

  /// The keys of a channel with its lanes and columns, made where they are new. What was there before keeps its key.
  func register(_ channel: ChannelRegistration) async throws(StoreError) -> ChannelKeys

  /// Ids for messages, deliveries and blobs: unique in this store and growing.
  func mint() -> Identifier

  /// The keyed hash under which a lane knows a value by which it orders: it finds the value's deliveries without
  /// telling it, and stays the same as long as the store lives.
  func orderKey(lane: Int64, _ text: String) -> UInt64

  // MARK: Large contents

  /// Begins a large content as a blob of its own before it is accepted: durable before the message that owns it is.
  /// What no accepted arrival takes over is removed at the next start. Blocks on the disk.
  func stage(channel: Int64) throws(StagingError) -> any ContentWriter

  /// What was staged is not offered: its file goes. What a message owns stays.
  func discard(_ payload: Payload)

  /// Reads what a payload is kept as, piece by piece. Blocks on the disk.
  ///
  /// - Parameter isTrusted: it was written a moment ago, or is only looked at: where nothing is sealed, its hash is not
  ///   compared first.
  func open(_ payload: Payload, isTrusted: Bool) throws(ContentError) -> any ContentReader

  // MARK: Writing

  /// Makes an arrival, its outcome and its deliveries durable in one transaction. Hashing, sealing and encoding happen
  /// on the caller's thread. Never suspends; a payload that is kept as a blob is written and synced before this
  /// returns, so a caller that mustn't block hands large payloads over on a thread of its own.
  func accept(_ arrival: Acceptance, then: @escaping @Sendable (AcceptResult) -> Void)

  /// Ends one attempt of a delivery. `delivered` may wait for the next group or two milliseconds; everything else
  /// starts a group.
  func finish(_ attempt: Attempt, then: @escaping @Sendable (UnitResult) -> Void)

  /// Ends deliveries that another channel takes as one message, and makes that channel's message with its outcome
  /// durable, in one transaction: neither is ever there without the other. The attempts end as `delivered`.
  ///
  /// `stale`: not all of the deliveries wait as the attempts knew them. `conflict`: the other channel refuses it for
  /// its duplicate key, and keeps that; the deliveries wait on. `unavailable`: nothing was changed.
  func handOver(_ attempts: [Attempt], _ arrival: Acceptance, then: @escaping @Sendable (AcceptResult) -> Void)

  /// What a person, a timer or a deployment changes.
  func change(_ change: Change, then: @escaping @Sendable (UnitResult) -> Void)

  /// Removes what is older than its channel keeps it, at most `rowsMax` rows of each kind. Returns whether there is
  /// more to remove.
  func prune(_ keeping: [Int64: Retention], now: Int64, rowsMax: Int) async throws(StoreError) -> Bool

  // MARK: Revisions

  /// What was kept of a channel's revisions, oldest first.
  func revisions(of channel: String) async throws(StoreError) -> [RevisionRecord]
  /// The files of a revision, by their paths relative to the folder of its channel file; empty where there is no such
  /// revision.
  func files(of channel: String, revision hash: [UInt8]) async throws(StoreError) -> [(path: String, content: [UInt8])]
  func channelKey(_ name: ChannelName) async throws(StoreError) -> Int64?
  /// The keys of a lane that no channel file names any more, as registering it would give them.
  func laneKeys(_ name: LaneName) async throws(StoreError) -> ChannelKeys.Lane?
  /// What is known of the deployments of each channel, by its name.
  func deployments() async throws(StoreError) -> [String: DeploymentNote]

  /// Makes a backup while everything goes on; what was answered for before the call is in it.
  ///
  /// - Parameters:
  ///   - version: of the engine, for people.
  ///   - environment: in which its channels are; empty where they are in none.
  func backUp(site: String, version: String, environment: String?) async throws(StoreError) -> Backup

  /// Waits until everything handed over before is durable, writes that the store was closed in order, and closes it.
  func close() async

  // MARK: Reading (on threads of the store's own; never on the caller's)

  /// A part of what waits in a lane, in order, with its payloads: at most `countMax` deliveries and about `bytesMax`
  /// bytes, but at least one where there is one. A payload whose hash doesn't fit comes as `damaged`. `isAll` says, of
  /// the same moment, that nothing more of the part waits behind the last of them; what was committed before the call
  /// is seen.
  func waiting(
    lane: Int64, _ part: WaitingPart
  ) async throws(StoreError) -> (
    deliveries: [WaitingDelivery], isAll: Bool
  )

  /// What waits in a lane behind a number, without its payloads, in order: at most `countMax`, and nothing behind what
  /// is held. `isAll` says that nothing more waits behind the last of them that could be sent.
  func waitingLines(
    lane: Int64, after: Int64, countMax: Int
  ) async throws(StoreError) -> (lines: [WaitingLine], isAll: Bool)
  /// Those of these that still wait so, with their payloads.
  func waiting(lane: Int64, _ lines: [WaitingLine]) async throws(StoreError) -> [WaitingDelivery]

  func progress(channel: Int64, key: String) async throws(StoreError) -> Value?
  /// What stands behind a pseudonym or a UID that a channel's transform made, where the channel keeps that.
  func standsFor(_ text: String) async throws(StoreError) -> [KnownStandIn]
  func message(_ id: MessageID) async throws(StoreError) -> MessageRecord?
  /// The bytes as they came, verified against their hash.
  func raw(_ id: MessageID) async throws(StoreError) -> Payload?
  /// What came, as it is kept: a large content as its blob, which `open` reads.
  func kept(_ id: MessageID) async throws(StoreError) -> Payload?
  /// The bytes as they go or went to one destination, and the partner's last answer.
  func sent(_ id: DeliveryID) async throws(StoreError) -> (payload: Payload?, reply: Payload?)?
  /// The content as it goes or went to one destination, as it is kept.
  func kept(sent id: DeliveryID) async throws(StoreError) -> Payload?
  /// What became of a delivery, for a sender who waits for it; `nil` where there is none.
  func verdict(_ id: DeliveryID) async throws(StoreError) -> DeliveryVerdict?
  func delivery(_ id: DeliveryID) async throws(StoreError) -> DeliveryRecord?
  /// The destinations in whose lanes a message that failed keeps its place.
  func placesKept(by message: MessageID) async throws(StoreError) -> [String]
  func deliveries(of message: MessageID) async throws(StoreError) -> [DeliveryRecord]
  func messages(_ query: MessageQuery) async throws(StoreError) -> [MessageRecord]
  func deliveries(_ query: DeliveryQuery) async throws(StoreError) -> [DeliveryRecord]
  func ledger() async throws(StoreError) -> [ChannelLedger]
  /// What waits in each lane, by its key; what is held for a person apart.
  func outgoing() async throws(StoreError) -> [Int64: OutgoingCount]
  /// The numbers that channels give, by channel and name.
  func sequences() async throws(StoreError) -> [NumberSequence]
  /// The key of a lane that was registered once, whether a channel file names it still or not.
  func laneKey(_ name: LaneName) async throws(StoreError) -> Int64?
  /// Counts rows and compares them with the counters; checks the file. Slow on a large store.
  func audit() async throws(StoreError) -> [String]
}

extension Store {
  package var outgoingHold: OutgoingHold? { nil }
}

/// Whether the store takes arrivals.
package enum StoreCondition: Sendable, Equatable {
  case open
  /// Arrivals are answered `unavailable`; deliveries go on and the store recovers by itself (a full disk).
  case low(reason: String)
  /// Nothing is written any more: the file can't be trusted (an I/O error on sync, a file that was replaced). The
  /// engine stops.
  case lost(reason: String)
}

/// What kept the store from doing what it was asked.
package struct StoreError: Error, Sendable, CustomStringConvertible {
  package enum Kind: Sendable { case refused, damaged, io, closed }
  package var kind: Kind
  /// What happened, where and what to do, without content.
  package var reason: String

  package init(_ kind: Kind, _ reason: String) {
    self.kind = kind
    self.reason = reason
  }

  package var description: String { reason }
}
