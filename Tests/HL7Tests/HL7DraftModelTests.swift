import HL7
import Testing

/// A message as a tree of strings: slow and plain, to be compared with drafts.
private struct Model {
  struct Segment {
    var name: String
    /// fields, repetitions, components, subcomponents; the first field is field 1.
    var fields: [[[[String]]]]
    var fieldCountMin: Int
    let id: Int
  }

  var segments: [Segment]

  static func escaped(_ text: String) -> String {
    if text == "\"\"" { return "\\X2222\\" }
    return text.unicodeScalars.map { scalar in
      switch scalar {
      case "|": "\\F\\"
      case "^": "\\S\\"
      case "&": "\\T\\"
      case "~": "\\R\\"
      case "\\": "\\E\\"
      case "\r": "\\X0D\\"
      case "\n": "\\X0A\\"
      default: String(scalar)
      }
    }.joined()
  }

  func rendered() -> String {
    segments.map { segment in
      var fields = segment.fields.map { field in
        field.map { $0.map { $0.joined(separator: "&") }.joined(separator: "^") }.joined(separator: "~")
      }
      while fields.count > segment.fieldCountMin, fields.last == "" { fields.removeLast() }
      let shift = segment.name == "MSH" ? 1 : 0
      return ([segment.name] + fields.dropFirst(shift)).joined(separator: "|") + "\r"
    }.joined()
  }

  /// Writes raw text; `nil` clears. Missing parts are made, but not to hold nothing.
  mutating func write(_ raw: String, _ position: HL7Position, _ index: Int) {
    var field = position.field <= segments[index].fields.count ? segments[index].fields[position.field - 1] : [[[""]]]
    let repetition = (position.repetition ?? 1) - 1
    let component = (position.component ?? 1) - 1
    let subcomponent = (position.subcomponent ?? 1) - 1
    if raw.isEmpty {
      guard position.field <= segments[index].fields.count else { return }
      guard repetition < field.count else { return }
      if position.component != nil {
        guard component < field[repetition].count else { return }
        guard subcomponent < field[repetition][component].count else { return }
      }
    }
    if position.repetition == nil, position.component == nil {
      field = [[[raw]]]
    } else {
      while field.count <= repetition { field.append([[""]]) }
      if position.component == nil {
        field[repetition] = [[raw]]
      } else {
        while field[repetition].count <= component { field[repetition].append([""]) }
        if position.subcomponent == nil {
          field[repetition][component] = [raw]
        } else {
          while field[repetition][component].count <= subcomponent { field[repetition][component].append("") }
          field[repetition][component][subcomponent] = raw
        }
      }
    }
    while segments[index].fields.count < position.field { segments[index].fields.append([[[""]]]) }
    segments[index].fields[position.field - 1] = field
  }

  mutating func removeRepetition(_ number: Int, _ field: Int, _ index: Int) {
    guard field <= segments[index].fields.count, number <= segments[index].fields[field - 1].count else { return }
    segments[index].fields[field - 1].remove(at: number - 1)
    if segments[index].fields[field - 1].isEmpty { segments[index].fields[field - 1] = [[[""]]] }
  }
}

@Suite struct HL7DraftModelTests {
  private func word(_ generator: inout SeededGenerator) -> String {
    let alphabet: [String] = ["a", "b", "7", " ", "é", "|", "^", "&", "~", "\\", "\r", "\n", "\"", "\\F\\", "\\.br\\"]
    return (0..<Int.random(in: 1...4, using: &generator))
      .map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }.joined()
  }

  private func base(_ generator: inout SeededGenerator) -> Model {
    var segments = [Model.Segment(name: "MSH", fields: [[[["|"]]], [[["^~\\&"]]]], fieldCountMin: 2, id: 0)]
    for id in 1...Int.random(in: 1...5, using: &generator) {
      let fields = (0..<Int.random(in: 0...5, using: &generator)).map { _ in
        (0..<Int.random(in: 1...3, using: &generator)).map { _ in
          (0..<Int.random(in: 1...3, using: &generator)).map { _ in
            (0..<Int.random(in: 1...2, using: &generator)).map { _ in
              Bool.random(using: &generator) ? "" : Model.escaped(word(&generator))
            }
          }
        }
      }
      let name = ["PID", "OBX", "ZZ1"][Int.random(in: 0..<3, using: &generator)]
      segments.append(Model.Segment(name: name, fields: fields, fieldCountMin: fields.count, id: id))
    }
    return Model(segments: segments)
  }

  private func position(_ generator: inout SeededGenerator) -> HL7Position {
    var position = HL7Position(Int.random(in: 3...8, using: &generator))
    if Bool.random(using: &generator) { position.repetition = Int.random(in: 1...4, using: &generator) }
    if Bool.random(using: &generator) {
      position.component = Int.random(in: 1...4, using: &generator)
      if Bool.random(using: &generator) { position.subcomponent = Int.random(in: 1...3, using: &generator) }
    }
    return position
  }

  @Test func `random edits give what a plain model of the message gives`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    var generator = SeededGenerator(seed: seed)
    for round in 0..<400 {
      var model = base(&generator)
      var draft = HL7Draft(try HL7Message(Array(model.rendered().utf8)))
      for _ in 0..<Int.random(in: 1...15, using: &generator) {
        try edit(&draft, &model, &generator)
      }
      let bytes = draft.serialized()
      guard String(decoding: bytes, as: UTF8.self) == model.rendered() else {
        Issue.record("seed \(seed), round \(round): the draft differs from the model")
        return
      }
      try compareReading(draft, HL7Message(bytes), "seed \(seed), round \(round)")
    }
  }

  private func edit(_ draft: inout HL7Draft, _ model: inout Model, _ generator: inout SeededGenerator) throws {
    let index = Int.random(in: 0..<model.segments.count, using: &generator)
    let id = model.segments[index].id
    switch Int.random(in: 0...9, using: &generator) {
    case 0...4:
      let text = word(&generator)
      let position = position(&generator)
      try draft.set(.text(text), at: position, of: id)
      model.write(Model.escaped(text), position, index)
      #expect(try draft.value(at: position, of: id) == .text(text))
    case 5:
      let position = position(&generator)
      try draft.set(.null, at: position, of: id)
      model.write("\"\"", position, index)
    case 6:
      let position = position(&generator)
      try draft.set(.absent, at: position, of: id)
      model.write("", position, index)
    case 7:
      let field = Int.random(in: 3...8, using: &generator)
      let number = Int.random(in: 1...3, using: &generator)
      try draft.removeRepetition(number, ofField: field, of: id)
      model.removeRepetition(number, field, index)
    case 8 where index > 0:
      try draft.removeSegment(id)
      model.segments.remove(at: index)
    default:
      let added = try draft.insertSegment("NTE", after: id)
      model.segments.insert(Model.Segment(name: "NTE", fields: [[[[""]]]], fieldCountMin: 1, id: added), at: index + 1)
    }
  }

  private func compareReading(_ draft: HL7Draft, _ message: HL7Message, _ note: Comment) throws {
    #expect(draft.segmentIDs.count == message.segmentCount, note)
    for (segment, id) in draft.segmentIDs.enumerated() {
      #expect(draft.code(of: id) == message.code(of: segment), note)
      for field in 1...max(1, message.fieldCount(of: segment)) {
        #expect(draft.field(field, of: id).bytes.elementsEqual(message.field(field, of: segment).bytes), note)
      }
    }
  }
}
