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
    problems += ports(of: draft, in: file)
    return problems
  }

  /// The port of a source or of a destination is one that another has, be it of the same channel.
  private func ports(of draft: ChannelDraft, in file: String) -> [Problem] {
    var problems: [Problem] = []
    var own: [ListeningAddress] = []
    for address in draft.listens {
      let taken = channels.first { $0.draft.listens.contains { $0.collides(with: address) } }
      let isOwn = own.contains { $0.collides(with: address) }
      own.append(address)
      guard taken != nil || isOwn else { continue }
      let whose = isOwn ? "by this channel already" : "by the channel of \(taken?.file ?? file)"
      problems.append(
        Problem(
          "C127", "port \(address.port) of \(address.host) is taken \(whose)", at: address.place,
          help: ["give one of them another port"]))
    }
    return problems
  }
}

extension ChannelDraft {
  /// Every address that the channel listens on.
  fileprivate var listens: [ListeningAddress] {
    [source?.listens].compactMap(\.self) + destinations.compactMap { $0.connector?.listens }
  }
}
