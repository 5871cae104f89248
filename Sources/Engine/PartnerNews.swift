import Logging

/// What a lane says in the log of its partner: that it went, and that it is back.
///
/// A partner that comes and goes would fill the log: that it went is said once a minute at most. What happens in
/// between is counted, and the last of it is said when the minute is over, so that the log ends with how it is.
struct PartnerNews {
  enum News: Equatable {
    case away(reason: String)
    /// The outage took so many milliseconds.
    case back(after: Int64)

    init?(_ before: Moment?, _ outage: LaneMachine.Outage?, _ now: Moment) {
      switch (before, outage) {
      case (nil, let outage?): self = .away(reason: outage.reason)
      case (let since?, nil): self = .back(after: now.steady - since.steady)
      default: return nil
      }
    }
  }

  /// One line of the log.
  struct Line: Equatable {
    var news: News
    /// How many changes before it were not said.
    var leftOut: Int

    func log(_ log: Logger) {
      var about: Logger.Metadata = leftOut > 0 ? ["changes-left-out": "\(leftOut)"] : [:]
      switch news {
      case .away(let reason):
        about["reason"] = "\(reason)"
        log.warning("The partner can't be reached; its messages wait.", metadata: about)
      case .back(let after):
        about["after"] = "\(after / 1000) s"
        log.info("The partner is back.", metadata: about)
      }
    }
  }

  /// In milliseconds.
  static let pause: Int64 = 60_000

  /// When it was last said that the partner went, or what had been held back, on the steady clock.
  private var saidAt: Int64?
  private var held: Line?

  /// - Returns: what to say now, or after how many milliseconds to ask `due`; neither where that was asked before.
  mutating func note(_ news: News, _ now: Moment) -> (line: Line?, askAfter: Int64?) {
    if let known = held {
      held = Line(news: news, leftOut: known.leftOut + 1)
      return (nil, nil)
    }
    // Whose going was said, of that it is said too that it is back.
    if case .back = news { return (Line(news: news, leftOut: 0), nil) }
    let left = saidAt.map { $0 + Self.pause - now.steady } ?? 0
    if left > 0 {
      held = Line(news: news, leftOut: 0)
      return (nil, left)
    }
    saidAt = now.steady
    return (Line(news: news, leftOut: 0), nil)
  }

  /// What was held back, when its time has come or nothing follows any more.
  mutating func due(_ now: Moment) -> Line? {
    defer { held = nil }
    if held != nil { saidAt = now.steady }
    return held
  }
}
