import Testing

@testable import Partners

@Suite struct `A bench's report` {
  private func measurement(_ subject: String, _ rate: Int, pair: Int) -> BenchMeasurement {
    var latency = LatencyHistogram()
    latency.add(nanoseconds: 2_000_000)
    let result = LoadResult(
      seconds: 1, answered: rate, answerLatency: latency, delivered: subject == "floor" ? nil : rate,
      deliveryLatency: subject == "floor" ? nil : latency)
    let usages = [ProcessUsage(cpuSeconds: 1), ProcessUsage(cpuSeconds: 2, rssBytesMax: 64 << 20)]
    var measured = BenchMeasurement(subject, connections: 8, result, usages)
    measured.pair = pair
    measured.beside = "engine"
    return measured
  }

  private var report: BenchReport {
    let floors = [1_000, 2_000, 1_000].enumerated().map { measurement("floor", $1, pair: $0) }
    let engines = [800, 1_000, 600].enumerated().map { measurement("engine", $1, pair: $0) }
    return BenchReport(floors + engines, floor: "floor", subjects: ["engine"], connections: [1, 8])
  }

  @Test func `takes the median of the pairs' ratios and not the ratio of medians`() throws {
    let row = try #require(report.rows.first)
    #expect(report.rows.count == 1)
    #expect(row.ratios == [0.8, 0.5, 0.6])
    #expect(row.ratioMedian == 0.6)
    #expect(row.measured.messagesPerSecond == 800)
    #expect(row.measured.messagesPerSecondBest == 1_000)
    #expect(row.floor.messagesPerSecond == 1_000)
    #expect(row.measured.cpuMillisecondsPerMessage == 1.25)
  }

  @Test func `prints a table`() {
    #expect(
      report.description == """
        connections  subject  messages/s  ratio  ack p50   p95   p99  partner p50   p95   p99  CPU/message  RSS MiB
                  8  floor          1000      1     2.00  2.00  2.00            -     -     -       1.0000       64
                  8  engine          800   0.60     2.00  2.00  2.00         2.00  2.00  2.00       1.2500       64
        Medians of the pairs; the ratio is the median of the pairs' ratios. Times in ms.
        """)
  }

  @Test func `is JSON for programs`() {
    let json = report.json
    #expect(json.hasPrefix("{\"rows\":[{\"connections\":8,\"subject\":\"engine\",\"ratio\":0.6000,"))
    #expect(json.contains("\"ratios\":[0.8000,0.5000,0.6000]"))
    #expect(json.contains("\"deliveryMilliseconds\":{\"p50\":2.0000"))
    #expect(json.hasSuffix("\"rssBytesMax\":67108864}}]}"))
  }

  @Test func `takes the median of an even number from the two in the middle`() {
    #expect(BenchReport.median([4, 1, 3, 2]) == 2.5)
    #expect(BenchReport.median([]) == 0)
  }
}
