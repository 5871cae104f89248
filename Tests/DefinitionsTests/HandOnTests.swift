import ConnectorKit
import Messages
import Testing

@testable import Definitions

/// What one channel sends is what the other one reads.
@Suite struct HandOnTests {
  /// What is wrong where `adt` sends lines on that `day` reads.
  private func problems(sent: String, read: String) -> [String] {
    let files = MemoryFiles(texts: [
      "Channels/adt.yaml": """
      channel: adt
      source: {mllp: {port: 2575}}
      destinations:
        day:
          channel: {name: day}
          transform: |
            transform line
              in  hl7
              out delimited \(sent) columns id, mrn

            emit for p in PID-3[*] => { id: MSH-10, mrn: p.1 }

      """,
      "Channels/day.yaml": """
      channel: day
      source: {channel: {}}
      format: delimited
      transform: |
        transform rows
          in  delimited \(read) columns id, mrn
          out text

        emit "{count(msg.rows)} lines"
      destinations:
        out: {file: {directory: out, name: "{message.id}.txt"}}

      """,
    ])
    let registry = ConnectorRegistry(
      sources: [TestMLLPSource.self, ChannelSource.self],
      destinations: [TestFileDestination.self, ChannelDestination.self])
    let loaded = ChannelLoader(registry: registry, files: files).load(folder: "Channels")
    return loaded.problems.filter { $0.severity == .error }.map { "\($0.code) \($0.place.line) \($0.message)" }
  }

  @Test(arguments: [
    ("separator \",\" header yes", "a header, and fields parted by `,`"),
    ("separator \";\" header no", "no header, and fields parted by `;`"),
    ("separator \"\\t\" header yes", "a header, and fields parted by tabs"),
  ]) func `lines are read with the header and the separator that they are written with`(
    read: String, words: String
  ) {
    let sent = "separator \";\" header yes"
    #expect(problems(sent: sent, read: sent) == [])
    #expect(
      problems(sent: sent, read: read) == [
        "C130 5 what is sent here has a header, and fields parted by `;`, and the channel `day` reads \(words)"
      ])
  }
}
