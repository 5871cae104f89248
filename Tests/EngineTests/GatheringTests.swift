import Messages
import Store
import Testing
import Text

@testable import Engine

/// Which of what waits becomes one message, and when.
@Suite struct GatheringTests {
  private func line(_ sequence: Int64, at: Int64 = 0, key: UInt64? = nil, bytes: Int = 10) -> WaitingLine {
    WaitingLine(
      id: Identifier(high: 1, low: UInt64(sequence)), sequence: sequence, byteCount: bytes, createdAt: at,
      orderKeys: key.map { [$0] } ?? [])
  }

  private func gathering(
    keyed: Bool = false, idle: Int64? = 1000, count: Int = 3, bytes: Int = 1 << 20, daily: DailyTime? = nil
  ) -> Gathering {
    Gathering(.init(isKeyed: keyed, idle: idle, countMax: count, daily: daily), bytesMax: bytes)
  }

  private func numbers(_ group: Gathering.Group?) -> [Int64]? { group?.members.map(\.sequence) }

  @Test func `A group is closed when it is full, and the next begins with the one behind it`() {
    var gathering = self.gathering()
    for number in 1...7 { gathering.add(line(Int64(number), at: 100)) }
    #expect(gathering.groupCount == 3 && gathering.count == 7)
    #expect(numbers(gathering.next(now: 100)) == [1, 2, 3])
    gathering.closed(.all)
    #expect(numbers(gathering.next(now: 100)) == [4, 5, 6])
    gathering.closed(.all)
    #expect(gathering.next(now: 1099) == nil && gathering.nextDue(now: 100) == 1100)
    #expect(numbers(gathering.next(now: 1100)) == [7])
  }

  @Test func `Idle counts from the newest, and a clock that was set back keeps nobody longer`() {
    var gathering = self.gathering(count: 10)
    gathering.add(line(1, at: 1000))
    gathering.add(line(2, at: 1900))
    #expect(gathering.nextDue(now: 2000) == 2900)
    gathering.add(line(3, at: 90_000))
    #expect(gathering.nextDue(now: 2000) == 3000)
  }

  @Test func `Keys are independent, and what has none goes by itself at once`() {
    var gathering = self.gathering(keyed: true)
    for (number, key) in [(1, 7), (2, 8), (3, nil), (4, 7)] as [(Int64, UInt64?)] {
      gathering.add(line(number, at: number, key: key))
    }
    #expect(numbers(gathering.next(now: 10)) == [3])
    gathering.closed(.alone(3))
    #expect(gathering.next(now: 1001) == nil)
    #expect(numbers(gathering.next(now: 1002)) == [2])
    // What is refused rests, with all behind it of its key.
    gathering.refused(.of(8), "no", now: 1002)
    #expect(numbers(gathering.next(now: 1500)) == [1, 4])
    gathering.closed(.of(7))
    #expect(gathering.next(now: 2001) == nil && gathering.nextDue(now: 1500) == 2002)
    gathering.refused(.of(8), "not now", now: 2002)
    // Which is what a person sees of each.
    gathering.add(line(5, at: 2002, key: 9))
    let seen = gathering.waits(of: [2, 5], now: 2002)
    #expect(seen[2] == DeliveryRecord.Gathered(others: 0, closedAt: 4002, refusals: 2, refusal: "not now"))
    #expect(seen[5] == DeliveryRecord.Gathered(others: 0, closedAt: 3002) && seen.count == 2)
    gathering.closed(.of(9))
    #expect(gathering.nextDue(now: 2002) == 4002)
    gathering.tryAgain()
    #expect(numbers(gathering.next(now: 2003)) == [2])
    var rests = gathering.hasRefused()
    #expect(rests)
    gathering.closed(.of(8))
    rests = gathering.hasRefused()
    #expect(!rests && gathering.count == 0)
  }

  @Test func `A group is closed before it would be larger than the other channel takes`() {
    var gathering = self.gathering(count: 100, bytes: 3000)
    for number in 1...5 { gathering.add(line(Int64(number), bytes: 800)) }
    #expect(numbers(gathering.next(now: 0)) == [1, 2])
    gathering.closed(.all)
    #expect(numbers(gathering.next(now: 0)) == [3, 4])
    gathering.add(line(6, bytes: 9000))
    gathering.closed(.all)
    #expect(numbers(gathering.next(now: 0)) == [5])
    gathering.closed(.all)
    #expect(numbers(gathering.next(now: 1000)) == [6])
  }

  // MARK: Times of day

  /// Milliseconds since 1970 of a moment of UTC in March 2026, by its day and minutes.
  private func utc(_ year: Int, _ month: Int, _ day: Int, _ minutes: Int) -> Int64 {
    let days = CivilCalendar.days(since1970: year, month, day)
    return Int64(days * 86_400 + minutes * 60) * 1000
  }

  @Test func `Every day at its time, also where the clock springs over it or shows it twice`() throws {
    let zone = try TimeZoneRules(named: "Europe/Berlin")
    let late = DailyTime(minutes: 23 * 60, zone: zone)
    // 23:00 in winter is 22:00 UTC.
    #expect(late.next(after: utc(2026, 1, 10, 12 * 60)) == utc(2026, 1, 10, 22 * 60))
    #expect(late.next(after: utc(2026, 1, 10, 22 * 60)) == utc(2026, 1, 11, 22 * 60))
    #expect(late.next(after: utc(2026, 7, 10, 0)) == utc(2026, 7, 10, 21 * 60))
    // On 29 March 2026 the clock springs from 2:00 to 3:00, at 1:00 UTC.
    let never = DailyTime(minutes: 150, zone: zone)
    #expect(never.next(after: utc(2026, 3, 28, 12 * 60)) == utc(2026, 3, 29, 60))
    #expect(never.next(after: utc(2026, 3, 29, 60)) == utc(2026, 3, 30, 30))
    // On 25 October it shows 2:30 twice, at 0:30 and 1:30 UTC.
    #expect(never.next(after: utc(2026, 10, 25, 0)) == utc(2026, 10, 25, 30))
    #expect(never.next(after: utc(2026, 10, 25, 31)) == utc(2026, 10, 26, 90))
  }

  @Test func `A time that was missed closes at once`() throws {
    let daily = DailyTime(minutes: 23 * 60, zone: try TimeZoneRules(named: "UTC"))
    var gathering = self.gathering(idle: nil, count: 10, daily: daily)
    gathering.add(line(1, at: utc(2026, 1, 10, 60)))
    gathering.add(line(2, at: utc(2026, 1, 10, 23 * 60 + 30)))
    #expect(numbers(gathering.next(now: utc(2026, 1, 12, 0))) == [1, 2])
    #expect(gathering.next(now: utc(2026, 1, 10, 23 * 60 - 1)) == nil)
  }

  // MARK: Whatever comes

  /// What a store would show: arrivals with keys, and which of them have ended in which message.
  @Test(arguments: 0..<20) func `Whatever comes, is closed, refused or forgotten, each is in one message and in order`(
    _: Int
  ) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = Dice(state: seed)
    let isKeyed = Bool.random(using: &random)
    let fresh = { self.gathering(keyed: isKeyed, idle: 50, count: 4, bytes: 2000) }
    var gathering = fresh()
    var waiting: [WaitingLine] = []
    var messages: [(key: Gathering.Key, members: [WaitingLine])] = []
    var now: Int64 = 0
    var last: Int64 = 0
    func read() { for line in waiting where line.sequence > gathering.through { gathering.add(line) } }
    for _ in 0..<600 {
      now += Int64.random(in: 0...20, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0...4:
        last += Int64.random(in: 1...3, using: &random)
        let hasKey = isKeyed && Int.random(in: 0..<8, using: &random) > 0
        let key: UInt64? = hasKey ? UInt64.random(in: 0..<3, using: &random) : nil
        waiting.append(line(last, at: now, key: key, bytes: Int.random(in: 1...400, using: &random)))
      case 5:
        if Bool.random(using: &random) { gathering = fresh() } else { gathering.forget() }
      case 6:
        // Some are cancelled: what is left is read anew.
        if let index = waiting.indices.randomElement(using: &random) { waiting.remove(at: index) }
        gathering.forget()
      case 7:
        read()
        if let group = gathering.next(now: now) { gathering.refused(group.key, "no", now: now) }
      default:
        read()
        guard let group = gathering.next(now: now) else { continue }
        let ids = Set(group.members.map(\.id))
        #expect(ids.isSubset(of: Set(waiting.map(\.id))), "seed \(seed)")
        waiting.removeAll { ids.contains($0.id) }
        messages.append((group.key, group.members))
        gathering.closed(group.key)
      }
    }
    now += 10_000_000
    gathering.forget()
    read()
    while let group = gathering.next(now: now) {
      messages.append((group.key, group.members))
      gathering.closed(group.key)
    }
    #expect(gathering.count == 0 && gathering.nextDue(now: now) == nil, "seed \(seed)")
    let all = messages.flatMap(\.members).map(\.sequence)
    #expect(Set(all).count == all.count, "seed \(seed)")
    for (key, members) in messages {
      #expect(members.count <= 4, "seed \(seed)")
      #expect(members.reduce(Gathering.envelopeBytes) { $0 + $1.byteCount + 4 } <= 2000, "seed \(seed)")
      if isKeyed { #expect(members.allSatisfy { $0.orderKeys == members[0].orderKeys }, "seed \(seed)") }
      if case .alone = key { #expect(members.count == 1, "seed \(seed)") }
    }
    for key in Set(messages.map(\.key)) {
      let own = messages.filter { $0.key == key }.flatMap(\.members).map(\.sequence)
      #expect(own == own.sorted(), "seed \(seed)")
    }
  }

  private struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
  }
}

/// One message of many contents.
@Suite struct JoinedContentTests {
  private func join(_ parts: [String], _ format: Format, header: Bool = false) -> (text: String, count: Int) {
    let joined = JoinedContent.join(
      parts.map { Array($0.utf8) }, as: format, hasHeader: header, separator: UInt8(ascii: ";"))
    return (String(decoding: joined.bytes, as: UTF8.self), joined.count)
  }

  @Test func `Texts stand in lines of their own, with one byte order mark`() {
    #expect(join(["a", "b\n", "\u{FEFF}c"], .text).text == "a\r\nb\nc")
    #expect(join(["\u{FEFF}a"], .text).text == "\u{FEFF}a")
  }

  @Test func `Of lines with a header it stands once, and lines under another wait for the next message`() {
    #expect(join(["a;b\n1;2\n", "a;b\n3;\"4\nx\"\n"], .delimited, header: true).text == "a;b\n1;2\n3;\"4\nx\"\n")
    let (text, count) = join(["a;b\r\n1;2", "a;b\r\n3;4", "a;c\r\n5;6", "a;b\r\n7;8"], .delimited, header: true)
    #expect(text == "a;b\r\n1;2\r\n3;4" && count == 2)
    #expect(join(["1;2", "3;4"], .delimited).text == "1;2\r\n3;4")
    #expect(join(["a;b", "a;b", ""], .delimited, header: true).count == 2)
  }

  @Test func `Of HL7 messages it is a batch with their count, in the first one's separators`() {
    let batch = join(["MSH|^~\\&|A|B|C|D|2026||ADT\rPID|1\r", "MSH|^~\\&|A\rPID|2"], .hl7v2).text
    #expect(batch == "BHS|^~\\&|A|B|C|D\rMSH|^~\\&|A|B|C|D|2026||ADT\rPID|1\rMSH|^~\\&|A\rPID|2\rBTS|2\r")
    #expect(join(["MSH#*~\\&#A\r"], .hl7v2).text.hasPrefix("BHS#*~\\&#A\rMSH#"))
  }

  @Test func `What its reader would not find in a batch as one message goes by itself`() {
    let plain = "MSH|^~\\&|A\rPID|1\r"
    // Blank lines and a byte order mark before a message would be another segment, or the batch's own separators.
    let (text, count) = join(["\u{FEFF}\n\(plain)", "\r\n\(plain)\r\n"], .hl7v2)
    #expect(text == "BHS|^~\\&|A\r\(plain)\(plain)BTS|2\r" && count == 2)
    for odd in ["MSH|^~\\&|A\rBTS|1\r", "BHS|^~\\&|A\r\(plain)BTS|1\r", "\(plain)\(plain)", "hello", ""] {
      #expect(join([plain, odd, plain], .hl7v2) == ("BHS|^~\\&|A\r\(plain)BTS|1\r", 1))
      #expect(join([odd, plain], .hl7v2) == (odd, 1))
    }
    #expect(join(["\(plain)not a segment\r"], .hl7v2).text == "BHS|^~\\&|A\r\(plain)not a segment\rBTS|1\r")
  }
}
