import Foundation
import Testing

@testable import Text

@Suite("Time zones of this machine")
struct TimeZoneTests {
  private func rules(_ name: String) throws -> TimeZoneRules { try TimeZoneRules(named: name) }

  private func local(_ year: Int, _ month: Int, _ day: Int, _ hour: Int, _ minute: Int) -> Int {
    CivilCalendar.days(since1970: year, month, day) * 86_400 + hour * 3600 + minute * 60
  }

  @Test("Offsets of many years agree with another reader of the same rules")
  func offsets() throws {
    let names = [
      "Europe/London", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo",
      "Europe/Dublin", "Australia/Lord_Howe", "Asia/Tokyo", "UTC",
    ]
    for name in names {
      let rules = try rules(name)
      let other = try #require(TimeZone(identifier: name))
      // Nothing before 1970, where the databases that machines have differ, and years behind the last listed change.
      for moment in stride(from: 0, to: 4_000_000_000, by: 777_777) {
        let expected = other.secondsFromGMT(for: Date(timeIntervalSince1970: Double(moment)))
        #expect(rules.offset(at: moment) == expected, "\(name) at \(moment)")
      }
    }
  }

  @Test("The second at which the clock changes is found, and zones are listed by their names")
  func change() throws {
    let london = try rules("Europe/London")
    let noon = local(2026, 3, 28, 12, 0)
    #expect(london.change(after: noon, through: noon + 86_400) == local(2026, 3, 29, 1, 0))
    #expect(london.change(after: local(2026, 3, 29, 0, 59) + 59, through: noon + 86_400) == local(2026, 3, 29, 1, 0))
    #expect(TimeZoneRules.names.contains("Europe/London") && TimeZoneRules.names.contains("UTC"))
    #expect(TimeZoneRules.names.allSatisfy { !$0.contains(" ") })
  }

  @Test("A time that the clock shows twice, or never, is known as that")
  func changes() throws {
    let london = try rules("Europe/London")
    #expect(london.local(local(2024, 7, 1, 12, 0)) == .once(offset: 3600))
    #expect(london.local(local(2024, 1, 1, 12, 0)) == .once(offset: 0))
    #expect(london.local(local(2024, 10, 27, 1, 30)) == .twice(first: 3600, second: 0))
    #expect(london.local(local(2024, 10, 27, 0, 59)) == .once(offset: 3600))
    #expect(london.local(local(2024, 10, 27, 2, 0)) == .once(offset: 0))
    #expect(london.local(local(2024, 3, 31, 1, 30)) == .never(before: 0, behind: 3600))
    // Years that no list of changes reaches, by the rule alone.
    #expect(london.local(local(2090, 10, 29, 1, 30)) == .twice(first: 3600, second: 0))
    #expect(try rules("Australia/Lord_Howe").local(local(2060, 4, 4, 1, 45)) == .twice(first: 39_600, second: 37_800))
  }

  @Test("A file without a list of changes follows its rule")
  func ruleAlone() throws {
    var bytes = Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15)
    let counts: [UInt8] = [0, 0, 0, 0, 1, 4]
    let head: [UInt8] = counts.flatMap { count -> [UInt8] in [0, 0, 0, count] }
    var body: [UInt8] = [0, 0, 0x0E, 0x10, 0, 0]
    body.append(contentsOf: "CET\0".utf8)
    bytes += head + body
    bytes += bytes.prefix(20) + head + body
    let file = try #require(TimeZoneFile(bytes + Array("\nCET-1CEST,M3.5.0,M10.5.0/3\n".utf8)))
    #expect(file.offset(at: local(2024, 7, 1, 12, 0)) == 7200)
    #expect(file.offset(at: local(2024, 1, 1, 12, 0)) == 3600)
    let south = try #require(TimeZoneRule(Array("AEST-10AEDT,M10.1.0,M4.1.0/3".utf8)))
    #expect(south.offset(at: local(2024, 1, 1, 12, 0)) == 39_600)
    #expect(south.offset(at: local(2024, 7, 1, 12, 0)) == 36_000)
    #expect(TimeZoneRule(Array("<+0330>-3:30".utf8))?.offset(at: 0) == 12_600)
    #expect(TimeZoneRule(Array("GMT0BST,M13.5.0,M10.5.0".utf8)) == nil)
    for length in 0..<bytes.count { #expect(TimeZoneFile(Array(bytes.prefix(length))) == nil) }
  }

  @Test("Files with bytes changed are read or refused, and never trap")
  func hostile() throws {
    let original = [UInt8](try Data(contentsOf: URL(filePath: "/usr/share/zoneinfo/Europe/London")))
    var seed: UInt64 = 20_240_229
    func random(_ bound: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % bound
    }
    for _ in 0..<2_000 {
      var bytes = original
      for _ in 0...random(8) { bytes[random(random(2) == 0 ? 100 : bytes.count)] = UInt8(random(256)) }
      if random(4) == 0 { bytes.removeLast(random(bytes.count)) }
      guard let file = TimeZoneFile(bytes) else { continue }
      for moment in [-1 << 40, 0, 1_700_000_000, 1 << 40] { _ = file.offset(at: moment) }
    }
  }

  @Test(arguments: [
    "Europe/Londn", "", "../etc/passwd", "Europe/../UTC", "zone.tab", "right/Europe/London", "Europe", "/",
  ])
  func `what is no time zone is none`(_ name: String) {
    #expect(throws: TimeZoneRules.Failure.unknown) { try rules(name) }
  }

  @Test func `a machine without time zones says so`() {
    #expect(throws: TimeZoneRules.Failure.noDatabase) {
      try TimeZoneRules(named: "Europe/London", folder: "/nonexistent/zoneinfo")
    }
  }
}
