import NIOCore
import Testing

@testable import Connectors

struct NetAddressRangeTests {
  @Test(arguments: [
    ("10.1.2.0/24", "10.1.2.255", true), ("10.1.2.0/24", "10.1.3.0", false), ("10.1.2.7", "10.1.2.7", true),
    ("10.1.2.7", "10.1.2.8", false), ("10.0.0.0/9", "10.127.0.1", true), ("10.0.0.0/9", "10.128.0.1", false),
    ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false), ("fd00::/8", "fd12::1", true),
    ("fd00::/8", "fe80::1", false), ("10.1.2.0/24", "::ffff:10.1.2.3", true), ("::1", "::1", true),
    ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
  ])
  func `a block holds the addresses of its network`(_ block: String, _ address: String, _ expected: Bool) throws {
    let range = try #require(AddressRange(block))
    #expect(range.contains(try SocketAddress(ipAddress: address, port: 1)) == expected)
  }

  @Test(arguments: [
    "", "/", "10.1.2.0/33", "10.1.2.0/", "10.1.2.0/-1", "10.1.2/24", "fd00::/129", "ehr.example", "10.1.2.0/2 4",
  ])
  func `what is no block is refused`(_ text: String) {
    #expect(AddressRange(text) == nil)
  }

  @Test func `addresses are written as people write them`() throws {
    #expect(AddressRange("10.1.2.7")?.text == "10.1.2.7/32")
    #expect(AddressRange("FD00:0::/8")?.text == "fd00::/8")
    #expect(try SocketAddress(ipAddress: "::1", port: 2575).hostAndPort == "[::1]:2575")
    #expect(try SocketAddress(ipAddress: "::ffff:10.1.2.3", port: 2575).hostAndPort == "10.1.2.3:2575")
    #expect(IPAddress.isLoopback(host: "127.3.2.1") && IPAddress.isLoopback(host: "localhost"))
    #expect(!IPAddress.isLoopback(host: "0.0.0.0") && !IPAddress.isLoopback(host: "::"))
  }
}
