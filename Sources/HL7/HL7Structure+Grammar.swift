extension HL7Structure {
  /// Reads a grammar as the tables have it: `MSH PID? ORDER+( ORC CHOICE[ OBR RXO ] )`.
  init(name: String, grammar: some StringProtocol) {
    self.init(name: name)
    open("", isRequired: true, repeats: false, isChoice: false, in: nil, at: 0)
    // The groups that are open, from the message inwards.
    var path = [0]
    for var word in grammar.split(separator: " ") {
      let group = path[path.count - 1]
      if word == ")" || word == "]" {
        guard path.count > 1 else { break }
        path.removeLast()
        close(group)
        count(isRequired: groups[group].isRequired && !groups[group].isNullable, in: path[path.count - 1])
        continue
      }
      let bracket = word.last.flatMap { $0 == "(" || $0 == "[" ? $0 : nil }
      if bracket != nil { word.removeLast() }
      let sign = word.last.flatMap { "?+*".contains($0) ? $0 : nil }
      if sign != nil { word.removeLast() }
      let isRequired = sign == nil || sign == "+"
      let repeats = sign == "*" || sign == "+"
      let position = groups[group].needed.count - 1
      if bracket != nil {
        open(String(word), isRequired: isRequired, repeats: repeats, isChoice: bracket == "[", in: group, at: position)
        path.append(groups.count - 1)
      } else if let code = HL7SegmentCode(word) {
        append(Leaf(code: code, isRequired: isRequired, repeats: repeats, group: group, position: position))
        count(isRequired: isRequired, in: group)
      } else {
        // ANYHL7SEGMENT. The standard's text says "other segments" where its XML form has one.
        append(Leaf(code: nil, isRequired: false, repeats: true, group: group, position: position))
        count(isRequired: false, in: group)
      }
    }
    for group in path.reversed() { close(group) }
  }

  private mutating func open(
    _ name: String, isRequired: Bool, repeats: Bool, isChoice: Bool, in parent: Int?, at position: Int
  ) {
    groups.append(
      Group(
        name: name, parent: parent, isRequired: isRequired, repeats: repeats, isChoice: isChoice,
        leaves: leaves.count..<leaves.count, position: position))
  }

  private mutating func close(_ group: Int) {
    groups[group].leaves = groups[group].leaves.lowerBound..<leaves.count
  }

  /// Notes whether what was read last must be there.
  private mutating func count(isRequired: Bool, in group: Int) {
    let needed = groups[group].needed
    groups[group].needed.append(needed[needed.count - 1] + (isRequired ? 1 : 0))
  }
}
