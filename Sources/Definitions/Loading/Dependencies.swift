import ConnectorKit
import Messages
import Text

/// Which channels start before which, and what is wrong with that: none can see it of itself.
struct Dependencies {
  struct Channel {
    /// Its file, or file and line of its row.
    let origin: String
    let draft: ChannelDraft
  }
  /// Those that are looked at, in their order.
  let channels: [Channel]
  /// Others that they may depend on.
  let others: [ChannelDraft]

  /// By origin.
  func problems() -> [String: [Problem]] {
    let drafts = channels.map(\.draft) + others
    let names = drafts.compactMap(\.name?.text)
    let edges = Dictionary(drafts.map { ($0.name?.text ?? "", $0.depends.map(\.name)) }) { first, _ in first }
    var found: [(String, Problem)] = []
    var circles: Set<Set<String>> = []
    for channel in channels {
      for (name, place) in channel.draft.depends {
        guard names.contains(name) else {
          found.append((channel.origin, unknown(name, names, at: place)))
          continue
        }
        guard let own = channel.draft.name?.text, let way = shortestWay(from: name, to: own, next: { edges[$0] ?? [] }),
          circles.insert(Set(way)).inserted
        else { continue }
        let shown = ([own] + way).joined(separator: " → ")
        let problem = Problem(
          "C136", "a circle: \(shown); none of them could start first", at: place, help: ["remove one of them"])
        found.append((channel.origin, problem))
      }
    }
    return Dictionary(grouping: found) { $0.0 }.mapValues { $0.map(\.1) }
  }

  private func unknown(_ name: String, _ names: [String], at place: Place) -> Problem {
    Problem(
      "C136", "there is no channel `\(name)`", at: place,
      label: nearest(to: name, among: names).map { "did you mean `\($0)`?" },
      help: ["a channel goes by the name in its file, or in its row of a table"])
  }
}

extension ChannelLoading {
  /// What is wrong with what these channels depend on, by origin. Where nobody knows which there are, as for a revision
  /// that was kept, nothing is.
  mutating func dependencies(_ parts: [Part]) -> [String: [Problem]] {
    let depending = parts.filter { $0.draft.map { !$0.depends.isEmpty } ?? false }
    guard !depending.isEmpty, let others = others(beside: depending, of: parts) else { return [:] }
    let channels = parts.compactMap { part in
      part.draft.map { Dependencies.Channel(origin: part.source.origin, draft: $0) }
    }
    return Dependencies(channels: channels, others: others).problems()
  }

  /// The channels of files beside those of some parts; `nil` where nobody knows which there are.
  mutating func others(beside some: [Part], of parts: [Part]) -> [ChannelDraft]? {
    let given = Set(parts.map(\.source.path))
    var others: [ChannelDraft] = []
    for folder in Set(some.map { RelativePath.folder(of: $0.source.path) }).sorted() {
      guard let names = try? loader.files.names(in: folder), !names.isEmpty else { return nil }
      for name in names.sorted() where name.hasSuffix(".yaml") || name.hasSuffix(".yml") {
        let path = RelativePath.joined(folder, name)
        if !name.hasPrefix("."), !given.contains(path) { others += drafts(in: path) }
      }
    }
    return others
  }
}
