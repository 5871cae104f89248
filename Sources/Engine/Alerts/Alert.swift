import Definitions

/// What can be wrong.
package enum AlertKind: String, Sendable, Codable, CaseIterable, Comparable {
  case silence, backlog, oldest
  case laneDown = "lane-down"
  case dead, failed, held
  case sourceDown = "source-down"
  case channelBroken = "channel-broken"
  case diskLow = "disk-low"
  case store, clock, unreleased, stranded
  case certificateMonth = "certificate-30d"
  case certificateWeek = "certificate-7d"
  case certificateExpired = "certificate-expired"
  case certificateUnusable = "certificate-unusable"

  package static func < (one: AlertKind, other: AlertKind) -> Bool { one.rawValue < other.rawValue }
}

/// What is wrong, and with which part: of one of these there is one alert at a time.
package struct AlertKey: Sendable, Codable, Hashable, Comparable {
  package var kind: AlertKind
  package var channel: String?
  package var lane: String?
  /// The file of a certificate.
  package var file: String?

  package init(_ kind: AlertKind, channel: String? = nil, lane: String? = nil, file: String? = nil) {
    self.kind = kind
    self.channel = channel
    self.lane = lane
    self.file = file
  }

  package static func < (one: AlertKey, other: AlertKey) -> Bool {
    (one.kind, one.channel ?? "", one.lane ?? "", one.file ?? "")
      < (other.kind, other.channel ?? "", other.lane ?? "", other.file ?? "")
  }

  /// `adt/ehr`, `adt`, a file, or the engine.
  package var place: String {
    if let channel { return lane.map { "\(channel)/\($0)" } ?? channel }
    return file ?? "engine"
  }
}

/// One alert, from when it was raised until it was cleared. Times are milliseconds since 1970.
package struct Alert: Sendable, Codable, Equatable {
  /// Counts from 1, for as long as the data folder lives.
  package var id: Int
  package var key: AlertKey
  /// What is wrong, without content; as it is now.
  package var text: String
  /// Whom to call, as the channel's `contact:` says.
  package var contact: String?
  package var raisedAt: Int64
  package var clearedAt: Int64?
  package var acknowledged: Acknowledgement?
  /// How many milliseconds all must be well before it is cleared.
  package var settle: Int64

  package struct Acknowledgement: Sendable, Codable, Equatable {
    package var by: String
    package var why: String?
    package var at: Int64
  }
}

/// A time in which a channel raises nothing, because what is wrong is meant so.
package struct Downtime: Sendable, Codable, Equatable {
  package var channel: String
  package var from: Int64
  package var until: Int64
  package var by: String
  package var why: String
}

/// What is to be told once: that an alert was raised, or cleared.
package struct AlertNotice: Sendable, Codable, Equatable {
  package enum Event: String, Sendable, Codable { case raised, cleared }
  /// Counts from 1; whoever gets a notice twice knows it by this.
  package var id: Int
  package var event: Event
  package var alert: Alert
  /// Who has not been told of it, by the targets' names. `nil` where an older engine wrote it: nobody has.
  package var untold: [String]?
}

/// Everything about alerts, for `hilum alert list`.
package struct AlertOverview: Sendable, Codable, Equatable {
  package var active: [Alert]
  /// The newest first.
  package var cleared: [Alert]
  package var downtimes: [Downtime]
  /// Notices that were not taken yet where they go.
  package var undelivered: Int
  /// Why not, and how many were given up because too many waited.
  package var trouble: String?
  package var lost: Int
}
