import ConnectorKit
import HL7
import Messages
import NIOCore
import NIOPosix
import Testing

@testable import Connectors

/// A partner whose name has several addresses.
@Suite(.timeLimit(.minutes(1)))
struct NetDialTests {
  /// Gives one address as the first kind that is tried, another as the second.
  private final class TwoAddresses: Resolver, Sendable {
    let first: EventLoopFuture<[SocketAddress]>
    let second: EventLoopFuture<[SocketAddress]>

    init(_ loop: any EventLoop, _ ports: (Int, Int)) {
      func address(_ port: Int) -> EventLoopFuture<[SocketAddress]> {
        loop.makeCompletedFuture { [try SocketAddress(ipAddress: "127.0.0.1", port: port)] }
      }
      first = address(ports.0)
      second = address(ports.1)
    }
    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { second }
    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { first }
    func cancelQueries() {}
  }

  private func lane(_ ports: (Int, Int), keepOpen: TimeAmount?) -> MLLPLane {
    var dial = Dial(
      host: "ehr.hospital.example", port: 1, tls: nil, within: .seconds(10), logger: LogLines().logger)
    dial.resolver = { TwoAddresses($0, ports) }
    let context = ConnectorContext(channel: ChannelName("test"), destination: "ehr", logger: LogLines().logger)
    return MLLPLane(
      dial, on: MultiThreadedEventLoopGroup.singleton.next(), timeout: .seconds(5), keepOpen: keepOpen,
      reading: HL7ReadingOptions(), answerBytesMax: 4_096, answers: context.answers)
  }

  @Test(arguments: [true, false])
  func `the connection that won is used for all, and the lane can be closed`(_ isSilent: Bool) async throws {
    let partner = try await Partner.answering()
    let silence = Silence()
    // Port 1 refuses at once.
    let lane = lane((isSilent ? silence.port : 1, partner.port), keepOpen: nil)
    let results = Collected<String>()
    for number in 1...5 {
      lane.send(MLLPLane.Sending(TestDestination.delivery(Sample.adt("\(number)"))) { results.add($0.short) })
      #expect(await results.first(number).last == "AA")
    }
    #expect(partner.wires.now.count == 1)
    await lane.close()
    await partner.wires.now.first?.closed()
    await partner.close()
    withExtendedLifetime(silence) {}
  }
}
