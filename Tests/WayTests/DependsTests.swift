import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `Channels that depend on others` {
    /// `first` sends over MLLP to `second` of the same engine, which sends to a partner.
    @Test func `stop before those, which take what they still send`() async throws {
      let partner = try await Partner.start()
      let project = try Project()
      let (outer, inner) = (try project.port(), try project.port())
      try project.write(
        "Channels/first.yaml",
        """
        channel: first
        depends: second
        source: {mllp: {port: \(outer)}}
        destinations:
          second:
            mllp: {host: 127.0.0.1, port: \(inner), timeout: 2s}
            retry: {first: 20ms, factor: 1, longest: 20ms}
        """)
      try project.write(
        "Channels/second.yaml",
        """
        channel: second
        source: {mllp: {port: \(inner)}}
        destinations:
          ehr:
            mllp: {host: 127.0.0.1, port: \(partner.port), timeout: 2s}
            retry: {first: 20ms, factor: 1, longest: 20ms}
        """)
      let engine = try await project.start()
      #expect(try await send((1...50).map { Sample.adt("D\($0)") }, to: outer).isAllAccepted)
      engine.launch.signal(15)
      _ = await engine.launch.ending(within: 30)
      // Nothing of `first` was under way to a channel that had stopped before it: nothing goes twice.
      try await project.start()
      try await eventually("all are delivered") { partner.controlIDs.count >= 50 }
      #expect(partner.controlIDs.sorted() == (1...50).map { "D\($0)" }.sorted())
      #expect(try await project.problemsOfTheLedger() == [])
    }
  }
}
