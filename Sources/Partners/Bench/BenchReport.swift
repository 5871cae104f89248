/// One measurement of one subject.
package struct BenchMeasurement: Sendable {
  package var subject: String
  package var connections: Int
  /// Which pair it belongs to, and beside which subject it was made.
  package var pair = 0
  package var beside = ""
  package var messagesPerSecond: Double
  /// To the acknowledgement.
  package var answer: LatencySummary
  /// To the partner, where there is one.
  package var delivery: LatencySummary?
  /// Processor time of the subject for each message that counts.
  package var cpuMillisecondsPerMessage: Double
  package var rssBytesMax: Int

  init(_ subject: String, connections: Int, _ result: LoadResult, _ usages: [ProcessUsage]) {
    self.subject = subject
    self.connections = connections
    messagesPerSecond = result.messagesPerSecond
    answer = result.answerLatency.summary
    delivery = result.deliveryLatency?.summary
    let cpuSeconds = (usages.last?.cpuSeconds ?? 0) - (usages.first?.cpuSeconds ?? 0)
    cpuMillisecondsPerMessage = result.counted > 0 ? cpuSeconds * 1_000 / Double(result.counted) : 0
    rssBytesMax = usages.map(\.rssBytesMax).max() ?? 0
  }

  var line: String {
    let rate = Int(messagesPerSecond.rounded())
    return "\(connections) connections, pair \(pair + 1), \(subject): \(rate)/s, answer p50 "
      + "\(Decimals.text(answer.p50, places: 3)) ms, p99 \(Decimals.text(answer.p99, places: 3)) ms"
  }
}

/// What a bench found: a row for each subject and number of connections.
package struct BenchReport: Sendable {
  /// One side of a row. Each figure is the median over the pairs.
  package struct Side: Sendable {
    package var messagesPerSecond: Double
    package var messagesPerSecondBest: Double
    package var answer: LatencySummary
    package var delivery: LatencySummary?
    package var cpuMillisecondsPerMessage: Double
    package var rssBytesMax: Int
  }

  package struct Row: Sendable {
    package var connections: Int
    package var subject: String
    package var floor: Side
    package var measured: Side
    /// Of the pairs, subject to floor.
    package var ratios: [Double]
    package var ratioMedian: Double { BenchReport.median(ratios) }
  }

  package var rows: [Row]

  init(_ measured: [BenchMeasurement], floor: String, subjects: [String], connections: [Int]) {
    rows = connections.flatMap { count in
      subjects.compactMap { subject in
        let here = measured.filter { $0.connections == count && $0.beside == subject }.sorted { $0.pair < $1.pair }
        let floors = here.filter { $0.subject == floor }
        let others = here.filter { $0.subject == subject }
        guard !floors.isEmpty, floors.count == others.count else { return nil }
        let ratios = zip(others, floors).map { other, floor in
          floor.messagesPerSecond > 0 ? other.messagesPerSecond / floor.messagesPerSecond : 0
        }
        return Row(
          connections: count, subject: subject, floor: Self.side(floors), measured: Self.side(others), ratios: ratios)
      }
    }
  }

  private static func side(_ measured: [BenchMeasurement]) -> Side {
    let deliveries = measured.compactMap(\.delivery)
    return Side(
      messagesPerSecond: median(measured.map(\.messagesPerSecond)),
      messagesPerSecondBest: measured.map(\.messagesPerSecond).max() ?? 0,
      answer: median(measured.map(\.answer)), delivery: deliveries.isEmpty ? nil : median(deliveries),
      cpuMillisecondsPerMessage: median(measured.map(\.cpuMillisecondsPerMessage)),
      rssBytesMax: measured.map(\.rssBytesMax).max() ?? 0)
  }

  private static func median(_ summaries: [LatencySummary]) -> LatencySummary {
    LatencySummary(
      p50: median(summaries.map(\.p50)), p95: median(summaries.map(\.p95)), p99: median(summaries.map(\.p99)),
      longest: median(summaries.map(\.longest)))
  }

  static func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}

extension BenchReport: CustomStringConvertible {
  /// The table that people read.
  package var description: String {
    var table = [Self.header]
    for row in rows {
      table.append(cells(row.connections, "floor", row.floor, ratio: "1"))
      let ratio = Decimals.text(row.ratioMedian, places: 2)
      table.append(cells(row.connections, row.subject, row.measured, ratio: ratio))
    }
    let widths = Self.header.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    let lines = table.map { cells in
      cells.enumerated().map { column, text in
        let padding = String(repeating: " ", count: widths[column] - text.count)
        return column == Self.nameColumn ? text + padding : padding + text
      }.joined(separator: "  ")
    }
    let note = "Medians of the pairs; the ratio is the median of the pairs' ratios. Times in ms."
    return (lines + [note]).joined(separator: "\n")
  }

  private static let nameColumn = 1
  private static let header = [
    "connections", "subject", "messages/s", "ratio", "ack p50", "p95", "p99", "partner p50", "p95", "p99",
    "CPU/message", "RSS MiB",
  ]

  private func cells(_ connections: Int, _ name: String, _ side: Side, ratio: String) -> [String] {
    func times(_ summary: LatencySummary) -> [String] {
      [summary.p50, summary.p95, summary.p99].map { Decimals.text($0, places: 2) }
    }
    return [String(connections), name, Decimals.text(side.messagesPerSecond, places: 0), ratio]
      + times(side.answer) + (side.delivery.map(times) ?? ["-", "-", "-"])
      + [Decimals.text(side.cpuMillisecondsPerMessage, places: 4), String(side.rssBytesMax >> 20)]
  }
}

extension BenchReport {
  /// The same for programs.
  package var json: String {
    let rows = rows.map { row in
      "{\"connections\":\(row.connections),\"subject\":\(Self.quoted(row.subject)),"
        + "\"ratio\":\(Decimals.text(row.ratioMedian, places: 4)),"
        + "\"ratios\":[\(row.ratios.map { Decimals.text($0, places: 4) }.joined(separator: ","))],"
        + "\"floor\":\(Self.json(row.floor)),\"measured\":\(Self.json(row.measured))}"
    }
    return "{\"rows\":[\(rows.joined(separator: ","))]}"
  }

  private static func json(_ side: Side) -> String {
    var text = "{\"messagesPerSecond\":\(Decimals.text(side.messagesPerSecond, places: 1)),"
    text += "\"messagesPerSecondBest\":\(Decimals.text(side.messagesPerSecondBest, places: 1)),"
    text += "\"answerMilliseconds\":\(json(side.answer)),"
    if let delivery = side.delivery { text += "\"deliveryMilliseconds\":\(json(delivery))," }
    text += "\"cpuMillisecondsPerMessage\":\(Decimals.text(side.cpuMillisecondsPerMessage, places: 5)),"
    return text + "\"rssBytesMax\":\(side.rssBytesMax)}"
  }

  private static func json(_ summary: LatencySummary) -> String {
    let values = [("p50", summary.p50), ("p95", summary.p95), ("p99", summary.p99), ("max", summary.longest)]
    return "{" + values.map { "\"\($0.0)\":\(Decimals.text($0.1, places: 4))" }.joined(separator: ",") + "}"
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
