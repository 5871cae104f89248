import ConnectorKit
import Hilt
package import Messages
import Text

/// Which channels hand on to which, and what is wrong with that: none can see it of itself.
struct HandOns {
  struct Channel {
    /// Its file, or file and line of its row: another for each channel.
    let path: String
    let draft: ChannelDraft
    let definition: ChannelDefinition?
  }
  /// Those that are looked at, in their order.
  let channels: [Channel]
  /// Others that they may hand on to.
  let others: [ChannelDraft]

  private struct Edge {
    let from: Channel
    let destination: String
    let target: String
    let place: Place
  }

  /// By the channel's path.
  func problems() -> [String: [Problem]] {
    let edges = channels.flatMap(edges)
    var found: [(String, Problem)] = edges.compactMap { edge in problem(edge).map { (edge.from.path, $0) } }
    found += circles(edges)
    return Dictionary(grouping: found) { $0.0 }.mapValues { $0.map(\.1) }
  }

  private func edges(of channel: Channel) -> [Edge] {
    channel.draft.destinations.compactMap { destination in
      guard let options = destination.connector?.options as? ChannelDestination.Options else { return nil }
      let place = destination.block?["name"]?.place ?? destination.place
      return Edge(from: channel, destination: destination.name, target: options.name, place: place)
    }
  }

  // MARK: - One by one

  private func problem(_ edge: Edge) -> Problem? {
    let known = channels.map(\.draft) + others
    guard let target = known.first(where: { $0.name?.text == edge.target }) else {
      let names = known.compactMap(\.name?.text)
      return Problem(
        "C134", "there is no channel `\(edge.target)`", at: edge.place,
        label: nearest(to: edge.target, among: names).map { "did you mean `\($0)`?" },
        help: ["a channel that others hand on to says `source: {channel: {}}`"])
    }
    // What its source should be is reported where it can't be read.
    guard let source = target.source else { return nil }
    guard source.takesFromChannels else {
      return Problem(
        "C134", "the channel `\(edge.target)` takes messages from `\(source.connector)`, not from other channels",
        at: edge.place, help: ["a channel that others hand on to says `source: {channel: {}}`"])
    }
    return otherFormat(edge, target)
  }

  /// Nothing that can be sent there is of a format that is taken there.
  private func otherFormat(_ edge: Edge, _ target: ChannelDraft) -> Problem? {
    guard let definition = edge.from.definition, let format = target.format, format != .bytes, format != .text,
      let destination = definition.destinations.first(where: { $0.name == edge.destination })
    else { return nil }
    let outputs = (destination.transform ?? definition.transform)?.outputs
    // A study of DICOM objects is told of in JSON.
    let sent = destination.collect?.makesStudies == true ? [.json] : outputs?.map(\.format) ?? [definition.format]
    if destination.collect != nil, format == .hl7v2, sent.contains(.hl7v2) {
      return Problem(
        "C151",
        "what is gathered of hl7v2 is a batch (BHS … BTS), and the channel `\(edge.target)` takes single messages",
        at: edge.place, help: ["say `format: text` in the channel `\(edge.target)`"])
    }
    guard let first = sent.first, !sent.contains(format) else {
      return otherLayout(edge, outputs?.lazy.compactMap(\.delimited).first)
    }
    return Problem(
      "C130", "what is sent here is \(first.rawValue), and the channel `\(edge.target)` takes \(format.rawValue)",
      at: edge.place, help: ["say `format: \(first.rawValue)` in the channel `\(edge.target)`"])
  }

  /// Its lines would be read as other ones there: a header as a patient, or all of a line as one field.
  private func otherLayout(_ edge: Edge, _ sent: DelimitedLayout?) -> Problem? {
    let target = channels.first { $0.draft.name?.text == edge.target }?.definition
    guard let sent, let read = target?.transform?.input.delimited, !sent.isReadable(as: read) else { return nil }
    return Problem(
      "C130", "what is sent here has \(sent.words), and the channel `\(edge.target)` reads \(read.words)",
      at: edge.place,
      help: ["say the same in the `out` line of the one transform and in the `in` line of the other"])
  }

  // MARK: - Circles

  /// Each circle once, at the destination of the last of its channels.
  private func circles(_ edges: [Edge]) -> [(String, Problem)] {
    var found: [(String, Problem)] = []
    var known: Set<Set<String>> = []
    for (index, channel) in channels.enumerated() {
      guard let start = channel.draft.name?.text else { continue }
      // Only over those before it: a circle is found where its last channel is looked at.
      let before = Set(channels[...index].compactMap(\.draft.name?.text))
      for edge in edges where edge.from.path == channel.path && before.contains(edge.target) {
        let way = shortestWay(from: edge.target, to: start) { name in
          edges.filter { $0.from.draft.name?.text == name && before.contains($0.target) }.map(\.target)
        }
        guard let way, known.insert(Set(way)).inserted else { continue }
        let names = ([start] + way).joined(separator: " → ")
        found.append(
          (
            channel.path,
            Problem(
              "C135", "a circle: \(names)", at: edge.place,
              help: ["a message would go round in it; let one of these channels send to a partner"])
          ))
      }
    }
    return found
  }
}

extension ChannelLoading {
  /// What is wrong with how these channels hand on to each other and to those in files beside theirs, by origin. Where
  /// nobody knows which there are, as for a revision that was kept, nothing is.
  mutating func handOns(_ parts: [Part]) -> [String: [Problem]] {
    let handing = parts.filter { part in
      part.draft?.destinations.contains { $0.connector?.connector == ChannelDestination.name } ?? false
    }
    if handing.isEmpty { return [:] }
    guard let others = others(beside: handing, of: parts) else { return [:] }
    let channels = parts.compactMap { part in
      part.draft.map { HandOns.Channel(path: part.source.origin, draft: $0, definition: part.file.definition) }
    }
    return HandOns(channels: channels, others: others).problems()
  }
}

extension DelimitedLayout {
  fileprivate func isReadable(as read: DelimitedLayout) -> Bool {
    separator == read.separator && hasHeader == read.hasHeader
  }

  /// `a header, and fields parted by ;`
  fileprivate var words: String {
    let mark = separator == 0x09 ? "tabs" : "`\(Character(Unicode.Scalar(separator)))`"
    return "\(hasHeader ? "a" : "no") header, and fields parted by \(mark)"
  }
}
