import ConnectorKit
import Hilt
import Messages
import Text

/// `reply:` of a destination.
extension ChannelAssembly {
  /// - Parameter formats: of what the destinations of the channel take.
  func reply(
    _ setting: TransformSetting, of destination: ChannelDraft.Destination, _ formats: [Format]
  ) -> HiltProgram? {
    guard let program = hilt.program(setting) else { return nil }
    guard program.replyDecision != nil else {
      reader.problem(
        "C129", "this is no reply transform: it never says `done`, `retry`, `dead` or `answer`", at: setting.place,
        help: ["match MSA-1 { \"AA\" | \"CA\" => done, _ => dead \"refused: {MSA-3}\" }"])
      return program
    }
    if let connector = destination.connector {
      check(program, reads: connector.answers, of: connector.connector, at: setting.place)
    }
    let isAsked = destination.settings?.ask.block != nil
    if let place = program.answerPlace, acknowledgement?.destination != destination.name, !isAsked {
      hilt.add(
        Problem(
          "C150", "`answer` goes to a sender who waits, and none waits for `\(destination.name)`", at: place,
          help: ["acknowledge: {delivered: \(destination.name), within: 20s} at the source", "or say `done`"]))
    }
    check(uses: program)
    if let place = program.openEmitPlace {
      hilt.add(
        Problem(
          "C128", "a reply transform says where it emits to", at: place, help: ["emit … to \"other\""]))
    }
    for use in program.destinations where use.name == destination.name {
      hilt.add(
        Problem(
          "C128", "this reads the answers of `\(destination.name)`; what it emits goes to other destinations",
          at: use.place, help: ["retry \"why\" sends the same message again"]))
    }
    if !program.destinations.isEmpty, let format = program.outputs.map(\.format).first(where: { !formats.contains($0) })
    {
      reader.problem(
        "C130", "this emits \(format.rawValue), and the destinations take \(formats[0].rawValue)", at: setting.place)
    }
    return program
  }

  private func check(_ program: HiltProgram, reads answers: Format?, of connector: String, at place: Place) {
    guard let answers else {
      reader.problem(
        "C130", "`reply` reads a partner's answer, and `\(connector)` has none", at: place, help: ["remove `reply`"])
      return
    }
    guard program.input.format != answers else { return }
    reader.problem(
      "C130", "this reads \(program.input.format.rawValue), and the answers of `\(connector)` are \(answers.rawValue)",
      at: place, help: ["in \(answers == .hl7v2 ? "hl7" : answers.rawValue)"])
  }

  /// What one answer sends is answered too: round in a circle it would never end.
  func checkCircles(_ destinations: [DestinationDefinition?]) {
    var followers: [String: [String]] = [:]
    for destination in destinations.compactMap(\.self) {
      followers[destination.name] = destination.reply?.destinations.map(\.name) ?? []
    }
    for destination in destinations.compactMap(\.self) {
      for use in destination.reply?.destinations ?? []
      where use.name != destination.name
        && shortestWay(from: use.name, to: destination.name, next: { followers[$0] ?? [] }) != nil
      {
        hilt.add(
          Problem(
            "C128", "a circle: the answers of `\(use.name)` lead back to `\(destination.name)`", at: use.place,
            help: ["what `\(use.name)` is sent here must not send to `\(destination.name)` again"]))
        return
      }
    }
  }
}
