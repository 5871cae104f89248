import ConnectorKit
import Messages

/// The channels of one set, as far as they can be in each other's way.
struct Neighbours {
  private var channels: [(draft: ChannelDraft, file: String)] = []

  mutating func add(_ draft: ChannelDraft, in file: String) {
    channels.append((draft, file))
  }

  /// What keeps a channel from working beside those before it.
  func problems(of draft: ChannelDraft, in file: String) -> [Problem] {
    var problems: [Problem] = []
    if let name = draft.name, let other = channels.first(where: { $0.draft.name == name }) {
      problems.append(
        Problem(
          "C126", "the channel `\(name)` stands in \(other.file) already", at: draft.namePlace,
          help: ["give one of them another name"]))
    }
    if let address = draft.source?.listens,
      let other = channels.first(where: { $0.draft.source?.listens?.collides(with: address) ?? false })
    {
      let block = draft.sourceBlock
      problems.append(
        Problem(
          "C127", "port \(address.port) of \(address.host) is taken by the channel of \(other.file)",
          at: block?["port"]?.place ?? block?.place ?? draft.namePlace, help: ["give one of them another port"]))
    }
    return problems
  }
}
