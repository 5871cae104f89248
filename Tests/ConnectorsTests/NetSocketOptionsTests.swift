import NIOCore
import NIOPosix
import Testing

@testable import Connectors

struct NetSocketOptionsTests {
  @Test func `a connection has every option that lets it notice a partner that is gone`() async throws {
    let partner = try await Partner.answering()
    let channel = try await ClientBootstrap(group: partnerLoops).hilumOptions()
      .connect(host: "127.0.0.1", port: partner.port).get()
    for (option, value) in SocketOptions.all() {
      let found = try await channel.getOption(option).get()
      // The kernel gives flags back as any number but 0.
      #expect(value == 1 ? found != 0 : found == value, "\(option)")
    }
    #expect(SocketOptions.all().contains { $0.value == 20_000 })
    try await channel.close()
    await partner.close()
  }
}
