import ConnectorKit
import Messages

/// Destinations whose partners send their application acknowledgements, or reports of storage commitment, to a channel,
/// and what is wrong with that.
struct LaterAnswerRules {
  /// Those that are looked at, in their order, with their files: another for each channel.
  let channels: [(path: String, draft: ChannelDraft)]
  /// Others that they may name.
  let others: [ChannelDraft]

  /// A destination that names a channel.
  struct Naming {
    let destination: String
    /// The key that chose its connector: its partner comes to a source of the same.
    let connector: String
    let from: ChannelNameReference
    let isUnique: Bool
  }

  /// By the channel's path.
  func problems() -> [String: [Problem]] {
    var found: [String: [Problem]] = [:]
    var first: [ChannelName: String] = [:]
    for other in others {
      for naming in Self.named(by: other) { first[naming.from.name] = Self.text(other, naming.destination) }
    }
    for (path, draft) in channels {
      for naming in Self.named(by: draft) {
        let from = naming.from
        let place = from.place ?? draft.namePlace
        if let problem = problem(naming, at: place) { found[path, default: []].append(problem) }
        if naming.isUnique { continue }
        if let earlier = first[from.name] {
          found[path, default: []].append(
            Problem(
              "C150", "the acknowledgements that come to `\(from.name)` are those for `\(earlier)`", at: place,
              help: [
                "two messages with one control id could not be told apart: a channel, with a port, for each destination"
              ]))
        } else {
          first[from.name] = Self.text(draft, naming.destination)
        }
      }
    }
    return found
  }

  static func named(by draft: ChannelDraft) -> [Naming] {
    draft.destinations.compactMap { destination in
      guard let connector = destination.connector, let options = connector.options as? any LaterAnswerSettings else {
        return nil
      }
      return options.answersFrom.map {
        Naming(
          destination: destination.name, connector: connector.connector, from: $0,
          isUnique: type(of: options).answersAreUnique)
      }
    }
  }

  private static func text(_ draft: ChannelDraft, _ destination: String) -> String {
    "\(draft.name?.text ?? "?")/\(destination)"
  }

  private func problem(_ naming: Naming, at place: Place) -> Problem? {
    let (name, wanted) = (naming.from.name, naming.connector)
    let answers = wanted == "mllp" ? "acknowledgements" : "reports"
    let known = channels.map(\.draft) + others
    guard let target = known.first(where: { $0.name == name }) else {
      return Problem(
        "C134", "there is no channel `\(name)`", at: place,
        label: nearest(to: name.text, among: known.compactMap(\.name?.text)).map { "did you mean `\($0)`?" },
        help: ["the partner sends its \(answers) to the `\(wanted)` source of a channel"])
    }
    // What its source should be is reported where it can't be read.
    guard let source = target.source, source.connector != wanted else { return nil }
    return Problem(
      "C134", "the channel `\(name)` takes messages from `\(source.connector)`, and \(answers) come to `\(wanted)`",
      at: place, help: ["name a channel whose source is `\(wanted)`"])
  }
}

extension ChannelLoading {
  /// What is wrong with where answers are to come from, by origin. Where nobody knows which channels there are, nothing
  /// is.
  mutating func laterAnswers(_ parts: [Part]) -> [String: [Problem]] {
    let naming = parts.filter { $0.draft.map { !LaterAnswerRules.named(by: $0).isEmpty } ?? false }
    if naming.isEmpty { return [:] }
    guard let others = others(beside: naming, of: parts) else { return [:] }
    let channels = parts.compactMap { part in part.draft.map { (path: part.source.origin, draft: $0) } }
    return LaterAnswerRules(channels: channels, others: others).problems()
  }
}
