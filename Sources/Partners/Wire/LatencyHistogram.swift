/// Counts durations in buckets that grow with them: no value is off by more than 1.6 %, and adding one costs a few
/// instructions and no memory, so that measuring does not disturb what is measured.
package struct LatencyHistogram: Sendable, Equatable {
  /// 64 buckets for each doubling.
  private static let subBits = 6
  /// Beyond 2^40 ns (18 minutes) everything counts as the longest.
  private static let nanosecondsMax: UInt64 = (1 << 40) - 1
  private var counts: [Int]
  package private(set) var count = 0
  /// The longest one, exactly.
  package private(set) var nanosecondsMaxSeen: UInt64 = 0

  package init() {
    counts = [Int](repeating: 0, count: Self.bucket(of: Self.nanosecondsMax) + 1)
  }

  package mutating func add(nanoseconds: UInt64) {
    counts[Self.bucket(of: min(nanoseconds, Self.nanosecondsMax))] += 1
    count += 1
    nanosecondsMaxSeen = max(nanosecondsMaxSeen, nanoseconds)
  }

  package mutating func add(_ other: LatencyHistogram) {
    for index in counts.indices { counts[index] += other.counts[index] }
    count += other.count
    nanosecondsMaxSeen = max(nanosecondsMaxSeen, other.nanosecondsMaxSeen)
  }

  /// The duration, in nanoseconds, that a share of all (0 to 1) does not exceed; 0 where there are none.
  package func nanoseconds(at share: Double) -> UInt64 {
    guard count > 0 else { return 0 }
    let rank = max(1, Int((min(max(share, 0), 1) * Double(count)).rounded(.up)))
    var seen = 0
    for (index, number) in counts.enumerated() {
      seen += number
      if seen >= rank { return min(Self.upperEdge(of: index), nanosecondsMaxSeen) }
    }
    return nanosecondsMaxSeen
  }

  /// The same in milliseconds.
  package func milliseconds(at share: Double) -> Double { Double(nanoseconds(at: share)) / 1e6 }

  package var summary: LatencySummary {
    LatencySummary(
      p50: milliseconds(at: 0.5), p95: milliseconds(at: 0.95), p99: milliseconds(at: 0.99),
      longest: Double(nanosecondsMaxSeen) / 1e6)
  }

  private static func bucket(of value: UInt64) -> Int {
    let linear = UInt64(1) << UInt64(subBits)
    if value < linear { return Int(value) }
    let exponent = 63 - value.leadingZeroBitCount - subBits
    return (exponent + 1) << subBits + Int(value >> UInt64(exponent)) - Int(linear)
  }

  private static func upperEdge(of bucket: Int) -> UInt64 {
    let linear = 1 << subBits
    if bucket < linear { return UInt64(bucket) }
    let exponent = bucket >> subBits - 1
    let mantissa = UInt64(bucket & (linear - 1) + linear)
    return (mantissa + 1) << UInt64(exponent) - 1
  }
}

/// Latencies in milliseconds.
package struct LatencySummary: Sendable, Equatable {
  package var p50: Double
  package var p95: Double
  package var p99: Double
  package var longest: Double

  package init(p50: Double, p95: Double, p99: Double, longest: Double) {
    self.p50 = p50
    self.p95 = p95
    self.p99 = p99
    self.longest = longest
  }
}
