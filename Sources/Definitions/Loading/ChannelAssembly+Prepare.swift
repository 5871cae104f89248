import ConnectorKit
import Hilt
import Messages

/// `prepare:` of a source.
extension ChannelAssembly {
  func prepare(_ setting: TransformSetting) -> HiltProgram? {
    guard let program = hilt.program(setting) else { return nil }
    if let decision = program.replyDecision {
      reader.problem(
        "C129",
        "this is a reply transform, because `\(decision.word)` (\(decision.place)) decides about a partner's answer; "
          + "here a message comes in",
        at: setting.place, help: ["emit, drop, hold, fail or reject in place of done, retry, dead and answer"])
    }
    let raw: [Format] = [.bytes, .text]
    let formats = [program.input.format] + program.outputs.map(\.format)
    if program.outputs.isEmpty || formats.contains(where: { !raw.contains($0) }) {
      reader.problem(
        "C130", "`prepare` takes what no parser can read, and gives what one can: it reads and emits bytes",
        at: setting.place, help: ["in bytes", "out bytes"])
    }
    for use in program.destinations {
      hilt.add(
        Problem(
          "C128", "`prepare` mends the message for the channel; it sends nothing", at: use.place,
          help: ["emit it without `to`", "route in the channel's transform"]))
    }
    return program
  }
}
