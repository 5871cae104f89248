import Testing

@testable import Engine
@testable import Store

/// Prometheus' text format, as its description has it.
@Suite struct ExpositionTests {
  @Test func `a family has one HELP and one TYPE line, and each sample a line`() {
    var out = Exposition()
    out.add("a_total", .counter, "Counts.", [.init(3, ("channel", "x")), .init(0.5, ("channel", "y"), ("lane", "z"))])
    #expect(
      out.text == """
        # HELP a_total Counts.
        # TYPE a_total counter
        a_total{channel="x"} 3
        a_total{channel="y",lane="z"} 0.5

        """)
  }

  @Test func `backslash, quote and line feed are escaped, and nothing else`() {
    var out = Exposition()
    out.add("a", .gauge, "A \\ and \"a\"\nline.", [.init(1, ("site", "Zoë \\ \"x\"\r\ny"))])
    #expect(
      out.text == "# HELP a A \\\\ and \"a\"\\nline.\n# TYPE a gauge\na{site=\"Zoë \\\\ \\\"x\\\"\r\\ny\"} 1\n")
  }

  @Test func `a family without samples is left out`() {
    var out = Exposition()
    out.add("a", .gauge, "Nothing.", [])
    #expect(out.text == "")
  }

  @Test func `a histogram's buckets add up, and the last is that of its count`() {
    var out = Exposition()
    out.add("a_seconds", "Took.", bounds: [0.001, 2.5], counts: [2, 3, 4], sum: 1.25)
    #expect(
      out.text == """
        # HELP a_seconds Took.
        # TYPE a_seconds histogram
        a_seconds_bucket{le="0.001"} 2
        a_seconds_bucket{le="2.5"} 5
        a_seconds_bucket{le="+Inf"} 9
        a_seconds_sum 1.25
        a_seconds_count 9

        """)
  }

  @Test func `a commit is counted once, in the first bound that it does not exceed`() {
    var durations = CommitDurations()
    for took in [250_000, 250_001_000, 251_000, UInt64.max] { durations.note(nanoseconds: took) }
    #expect(durations.counts == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
  }

  @Test func `the system says what this process takes`() throws {
    let facts = try #require(ProcessFacts.read())
    #expect(facts.residentBytes > 1 << 20 && facts.descriptorCount > 2 && facts.descriptorsMax >= facts.descriptorCount)
  }
}
