import Foundation

/// Moments as people of one site read them: `2026-11-21 03:12:55.120 +01:00`.
package struct LocalTime: Sendable {
  private let zone: TimeZone

  /// - Parameter zone: a name of the time zone database; the machine's own zone where it is `nil` or unknown.
  package init(zone: String?) {
    self.zone = zone.flatMap { TimeZone(identifier: $0) } ?? .current
  }

  /// How many seconds the zone's clock is before UTC.
  ///
  /// - Parameter milliseconds: since 1970, UTC.
  package func offsetSeconds(at milliseconds: Int64) -> Int {
    zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(milliseconds) / 1000))
  }

  /// - Parameter milliseconds: since 1970, UTC.
  package func text(_ milliseconds: Int64) -> String {
    let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(milliseconds) / 1000))
    let local = milliseconds + Int64(offset) * 1000
    let rest = local - local.flooredQuotient(86_400_000) * 86_400_000
    let thousandths = String(rest % 1000)
    let zeros = String(repeating: "0", count: 3 - thousandths.count)
    return Self.date(days: local.flooredQuotient(86_400_000))
      + " \(two(rest / 3_600_000)):\(two(rest / 60_000 % 60)):\(two(rest / 1000 % 60)).\(zeros)\(thousandths)"
      + " \(offset < 0 ? "-" : "+")\(two(Int64(abs(offset)) / 3600)):\(two(Int64(abs(offset)) / 60 % 60))"
  }

  /// Days since 1970 to a civil date, after the usual shift of the year's start to March.
  private static func date(days: Int64) -> String {
    let z = days + 719_468
    let era = z.flooredQuotient(146_097)
    let day = z - era * 146_097
    let yearOfEra = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
    let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return "\(year)-\(two(month))-\(two(dayOfYear - (153 * shifted + 2) / 5 + 1))"
  }
}

private func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }

extension Int64 {
  fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
    self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
  }
}
