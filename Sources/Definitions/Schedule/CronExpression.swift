/// Times as crontab(5) writes them: minute, hour, day of the month, month and day of the week.
///
/// Where both day fields are restricted (neither begins with `*`), a day is meant that fits either of them, as in
/// crontab(5): `0 6 1 * mon` is the first of each month and every Monday.
package struct CronExpression: Sendable, Equatable {
  /// What can't be read, for the person who wrote it.
  struct Mistake: Error, Equatable {
    let text: String
    let help: String
  }

  /// All that can't be read, a field at most once.
  struct Mistakes: Error, Equatable {
    let all: [Mistake]
  }

  /// As it was written.
  let text: String
  /// In order.
  let minutes: [Int]
  let hours: [Int]
  private let days: Set<Int>
  private let months: Set<Int>
  /// 0 is Sunday.
  private let weekdays: Set<Int>
  private let eitherDay: Bool

  init(_ text: String) throws(Mistakes) {
    self.text = text
    let words = text.split { $0 == " " || $0 == "\t" }.map(String.init)
    guard words.count == Field.all.count else { throw Mistakes(all: [Self.mistake(text, words)]) }
    var sets: [Set<Int>] = []
    var mistakes: [Mistake] = []
    for (word, field) in zip(words, Field.all) {
      do throws(Mistake) {
        sets.append(try field.values(word))
      } catch {
        mistakes.append(error)
      }
    }
    guard mistakes.isEmpty else { throw Mistakes(all: mistakes) }
    minutes = sets[0].sorted()
    hours = sets[1].sorted()
    days = sets[2]
    months = sets[3]
    weekdays = Set(sets[4].map { $0 % 7 })
    eitherDay = !words[2].hasPrefix("*") && !words[4].hasPrefix("*")
  }

  /// What is wrong with a text that has not five fields.
  private static func mistake(_ text: String, _ words: [String]) -> Mistake {
    if words.count == 1, text.hasPrefix("@") {
      let same = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * sun",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
      ][text.lowercased()]
      return Mistake(
        text: "`\(text)` is a word of other programs; here the times are said in five fields",
        help: same.map { "cron: \"\($0)\"" } ?? "0 6 * * mon-fri; a start is no time, and `every: 5m` is a period")
    }
    let count = words.count == 1 ? "1 field" : "\(words.count) fields"
    var help = "0 6 * * mon-fri"
    if words.count == 6 { help = "there are no seconds: `every: 30s` is for what comes more often" }
    if words.count == 7 { help = "there are no seconds and no years" }
    if words.contains(where: { $0.hasPrefix(",") || $0.hasSuffix(",") }) { help = "a list has no spaces: mon,wed" }
    return Mistake(
      text: "`\(text)` has \(count), and there are five: minute, hour, day of the month, month, day of the week",
      help: help)
  }

  /// It asks for times in every hour: the hour that comes twice is two of them.
  var isOfEveryHour: Bool { hours.count == 24 }

  /// - Parameters:
  ///   - day: of the month.
  ///   - weekday: 0 is Sunday.
  func isMeant(month: Int, day: Int, weekday: Int) -> Bool {
    guard months.contains(month) else { return false }
    let (fitsDay, fitsWeekday) = (days.contains(day), weekdays.contains(weekday))
    return eitherDay ? fitsDay || fitsWeekday : fitsDay && fitsWeekday
  }

  /// One of the five fields.
  private struct Field {
    let name: String
    let range: ClosedRange<Int>
    /// Words for its numbers, from `range.lowerBound` on.
    var names: [String] = []

    static let weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    static let all = [
      Field(name: "minute", range: 0...59), Field(name: "hour", range: 0...23),
      Field(name: "day of the month", range: 1...31),
      Field(
        name: "month", range: 1...12,
        names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
      Field(name: "day of the week", range: 0...7, names: weekdays),
    ]

    /// A list of numbers, ranges and steps.
    func values(_ word: String) throws(Mistake) -> Set<Int> {
      var values: Set<Int> = []
      for part in word.split(separator: ",", omittingEmptySubsequences: false) {
        values.formUnion(try self.part(String(part), of: word))
      }
      return values
    }

    /// `*`, `5`, `1-5`, each of the first and last with a step: `*/15`, `8-18/2`.
    private func part(_ part: String, of word: String) throws(Mistake) -> Set<Int> {
      let pieces = part.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard pieces.count <= 2, let first = pieces.first else { throw wrong(part) }
      var bounds = range.lowerBound...(names.isEmpty || range.lowerBound == 1 ? range.upperBound : 6)
      var isRange = true
      if first != "*" {
        let ends = first.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard ends.count <= 2, let low = try number(ends[0], part), var high = try number(ends[ends.count - 1], part)
        else { throw wrong(part) }
        // A week may end with Sunday: `sat-sun`.
        if low > 0, high == 0, names.first == ends[1].lowercased() { high = range.upperBound }
        guard low <= high else {
          let hasNames = Self.digits(ends[0]) == nil
          throw Mistake(
            text: "`\(part)` in the field \(name) goes backwards",
            help:
              "write it as two: \(said(low, bounds.upperBound, hasNames)),\(said(bounds.lowerBound, high, hasNames))")
        }
        bounds = low...high
        isRange = ends.count == 2
      }
      guard pieces.count == 2 else { return Set(bounds) }
      guard isRange else {
        throw Mistake(
          text: "`\(part)` in the field \(name) has a step without a range",
          help: "\(first)-\(range.upperBound)/\(pieces[1]), or */\(pieces[1])")
      }
      guard let step = Self.digits(pieces[1]), step > 0, step <= range.upperBound else {
        throw Mistake(
          text: "`\(part)` in the field \(name) has a step that is no number from 1 to \(range.upperBound)",
          help: "*/15 is every fifteenth")
      }
      return Set(stride(from: bounds.lowerBound, through: bounds.upperBound, by: step))
    }

    private func number(_ word: String, _ part: String) throws(Mistake) -> Int? {
      if let index = names.firstIndex(of: word.lowercased()) { return index + range.lowerBound }
      guard let number = Self.digits(word) else { return nil }
      guard range.contains(number) else {
        throw Mistake(
          text: "`\(part)`: the field \(name) goes from \(range.lowerBound) to \(range.upperBound)", help: example)
      }
      return number
    }

    /// A range as a person writes it.
    private func said(_ low: Int, _ high: Int, _ hasNames: Bool) -> String {
      let words = [low, high].map { hasNames ? names[$0 - range.lowerBound] : "\($0)" }
      return low == high ? words[0] : words.joined(separator: "-")
    }

    private func wrong(_ part: String) -> Mistake {
      Mistake(text: "`\(part)` is nothing that the field \(name) can be", help: instead(of: part) ?? example)
    }

    /// What says the same here as a word of other programs, or comes near.
    private func instead(of part: String) -> String? {
      if part == "?" { return "* is any" }
      let isDay = !names.isEmpty && range.lowerBound == 0
      let pieces = part.lowercased().split(separator: "#", omittingEmptySubsequences: false).map(String.init)
      if isDay, pieces.count == 2, let number = Self.digits(pieces[1]), 1...5 ~= number,
        let day = names.firstIndex(of: pieces[0]) ?? Self.digits(pieces[0]), 0...7 ~= day
      {
        let days = "\(number * 7 - 6)-\(min(31, number * 7))"
        return "the day of the month \(days) here, and `days: \(names[day % 7])` beside `cron`"
      }
      let ending = part.lowercased().last
      if isDay, ending == "l" {
        return "there is no last one of a month; the first is the day of the month 1-7 and `days: fri` beside `cron`"
      }
      if name == "day of the month", part.lowercased().hasPrefix("l") {
        return "there is no last day; the day after is \"0 0 1 * *\""
      }
      if name == "day of the month", ending == "w" { return "`days: mon-fri` beside `cron` leaves out weekends" }
      let short = part.lowercased().split(separator: "-").map { String($0.prefix(3)) }
      return short.allSatisfy(names.contains) ? "names have three letters: \(short.joined(separator: "-"))" : nil
    }

    private var example: String {
      let words = names.isEmpty ? "" : ", or a name: \(names[0]) to \(names[names.count - 1])"
      return "a number from \(range.lowerBound) to \(range.upperBound)\(words); *, 1-5, 1,3 and */2 too"
    }

    private static func digits(_ word: String) -> Int? {
      guard (1...4).contains(word.utf8.count), word.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
      return Int(word)
    }
  }

  /// The names of the days of the week, Sunday first.
  static var weekdayNames: [String] { Field.weekdays }

  /// The numbers of days as the last field has them: `mon-fri`, `sat,sun`. 0 is Sunday.
  static func weekdays(_ text: String) throws(Mistake) -> Set<Int> {
    Set(try Field.all[4].values(text).map { $0 % 7 })
  }
}
