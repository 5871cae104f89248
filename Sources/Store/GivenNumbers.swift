package import Messages

/// The numbers that a commit gave to one delivery, by the name of their sequence. They stand beside what was rendered,
/// which is sealed before the writer knows them.
enum GivenNumbers {
  /// `{"lab":17}`. The names are of letters, digits and `._-`: nothing in them has to be escaped.
  static func encode(_ numbers: [(name: String, number: Int64)]) -> String {
    "{" + numbers.map { "\"\($0.name)\":\($0.number)" }.joined(separator: ",") + "}"
  }

  static func decode(_ text: String) -> [String: Int64] {
    var numbers: [String: Int64] = [:]
    for pair in text.dropFirst().dropLast().split(separator: ",") {
      let parts = pair.split(separator: ":")
      guard parts.count == 2, let number = Int64(parts[1]) else { continue }
      numbers[String(parts[0].dropFirst().dropLast())] = number
    }
    return numbers
  }
}

extension [String: [TemplateValue]] {
  /// The sequences of which it wants numbers, in an order that doesn't change.
  var numberings: [String] {
    Set(values.joined().compactMap(\.numbering?.name)).sorted()
  }

  /// With its numbers in their places; `nil` where one was not given.
  func numbered(_ numbers: [String: Int64]) -> [String: [TemplateValue]]? {
    var isWhole = true
    let numbered = mapValues { values in
      values.map { value in
        guard let numbering = value.numbering else { return value }
        guard let number = numbers[numbering.name] else {
          isWhole = false
          return value
        }
        let digits = String(number)
        let zeros = String(repeating: "0", count: Swift.max(0, numbering.width - digits.count))
        return TemplateValue(text: zeros + digits, isValue: false)
      }
    }
    return isWhole ? numbered : nil
  }
}

extension WaitingDelivery {
  /// The commit gave it numbers, which only the store knows.
  package var awaitsNumbers: Bool { rendered.values.contains { $0.contains { $0.numbering != nil } } }
}

/// The numbers of one name in one channel.
package struct NumberSequence: Sendable, Codable, Equatable {
  package var channel: String
  package var name: String
  /// The last that was given, or that a person said was; 0 before the first.
  package var last: Int64

  package init(channel: String, name: String, last: Int64) {
    self.channel = channel
    self.name = name
    self.last = last
  }
}

extension SQLiteStore {
  package func sequences() async throws(StoreError) -> [NumberSequence] {
    try await read { reading in
      let rows = try reading.connection.statement(
        "SELECT c.name, s.name, s.last FROM sequence s JOIN channel c ON c.id = s.channel ORDER BY c.name, s.name")
      defer { rows.reset() }
      var found: [NumberSequence] = []
      while try rows.step() {
        found.append(
          NumberSequence(channel: rows.text(0) ?? "", name: rows.text(1) ?? "", last: rows.integer(2)))
      }
      return found
    }
  }
}

extension Writer {
  /// The next number of a sequence is the one behind `last`. Never back: a number would be given twice.
  func setSequence(_ name: String, of channel: Int64, to last: Int64) throws(SQLiteFailure) -> UnitResult {
    guard tally.channels[channel] != nil else { return .stale }
    let row = try connection.statement(
      """
      INSERT INTO sequence (channel, name, last) VALUES (?1, ?2, ?3)
      ON CONFLICT DO UPDATE SET last = ?3 WHERE last < ?3
      """)
    row.bind(1, channel)
    row.bind(2, name)
    row.bind(3, last)
    return counted(try row.run())
  }
}
