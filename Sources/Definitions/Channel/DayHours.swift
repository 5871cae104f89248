package import ConnectorKit

/// A part of the day: `07:00-19:00`, in minutes after midnight. May go over midnight, and end with the day at `24:00`.
package struct DayHours: SettingValue, Hashable {
  package var from: Int
  package var to: Int
  package init(from: Int, to: Int) {
    self.from = from
    self.to = to
  }
  package static let standard = DayHours(from: 7 * 60, to: 19 * 60)
  private static let dayMinutes = 24 * 60

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> DayHours? {
    guard let text = node.scalar, let (hours, isPlain) = ends(of: text) else {
      reader.expected("a part of the day", node, help: ["from and to: 07:00-19:00"])
      return nil
    }
    guard 0...dayMinutes ~= hours.from, 0...dayMinutes ~= hours.to else {
      reader.problem(
        "C103", "a day goes from 00:00 to 24:00", at: node.place, help: ["hour and minute, twice: 07:00-19:00"])
      return nil
    }
    guard hours.from % dayMinutes != hours.to % dayMinutes else {
      reader.problem(
        "C103", "this is the whole day, and a part of it is needed here", at: node.place,
        help: ["another end than its beginning: 07:00-19:00"])
      return nil
    }
    if isPlain, hours.from < dayMinutes { return hours }
    let whole = DayHours(from: hours.from % dayMinutes, to: hours.to)
    let reason = isPlain ? "a part of the day begins at 00:00; 24:00 is an end" : "a part of the day is needed here"
    reader.problem("C103", reason, at: node.place, help: ["write it as \(whole.text)"])
    return nil
  }

  /// What most likely is meant by a text, and whether it is written as it should be; `nil` where nobody can know.
  private static func ends(of text: String) -> (DayHours, isPlain: Bool)? {
    let parts = text.split(omittingEmptySubsequences: false) { $0 == "-" || $0 == "\u{2013}" }
    guard parts.count == 2, let from = minutes(parts[0]), let to = minutes(parts[1]) else { return nil }
    let hours = DayHours(from: from, to: to)
    return (hours, hours.text == text)
  }

  /// `07:00`, and what is written in its place: `7:00`, `7`, `0700`, `7.00`.
  private static func minutes(_ text: Substring) -> Int? {
    let digits = text.drop { $0 == " " }.prefix { $0 != " " }
    var pieces = digits.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "." }
    if pieces.count == 1, digits.count == 4 { pieces = [digits.prefix(2), digits.suffix(2)] }
    guard pieces.count <= 2, pieces.allSatisfy({ 1...2 ~= $0.utf8.count && $0.utf8.allSatisfy { 0x30...0x39 ~= $0 } }),
      let hour = Int(pieces[0]), let minute = pieces.count == 2 ? Int(pieces[1]) : 0
    else { return nil }
    return minute < 60 ? hour * 60 + minute : dayMinutes + 1
  }

  /// - Parameter minute: of the day.
  func contains(minute: Int) -> Bool {
    from < to ? from <= minute && minute < to : from <= minute || minute < to
  }

  package static var kind: SettingKind { .scalar("part of a day") }
  package var text: String {
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
    return "\(two(from / 60)):\(two(from % 60))-\(two(to / 60)):\(two(to % 60))"
  }
}
