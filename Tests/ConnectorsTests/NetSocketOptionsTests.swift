import NIOCore
import NIOPosix
import Testing

@testable import Connectors

struct NetSocketOptionsTests {
  private final class Nothing: ChannelInboundHandler, Sendable { typealias InboundIn = ByteBuffer }

  /// A partner that takes what is large may stop reading for longer.
  @Test(arguments: [nil, 45])
  func `a connection has every option that lets it notice a partner that is gone`(_ seconds: Int64?) async throws {
    let partner = try await Partner.answering()
    var dial = Dial(
      host: "127.0.0.1", port: partner.port, tls: nil, within: .seconds(10), logger: LogLines().logger)
    if let seconds { dial.unacknowledged = .seconds(seconds) }
    let channel = try await dial.connect(on: partnerLoops.next()) { Nothing() }.get()
    let options = SocketOptions.all(unacknowledged: .seconds(seconds ?? 20))
    for (option, value) in options {
      let found = try await channel.getOption(option).get()
      // The kernel gives flags back as any number but 0.
      #expect(value == 1 ? found != 0 : found == value, "\(option)")
    }
    #expect(options.contains { $0.value == SocketOptionValue((seconds ?? 20) * 1000) })
    try await channel.close()
    await partner.close()
  }
}
