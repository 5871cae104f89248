import ConnectorKit
import Hilt
import Messages

/// Who waits for a partner's verdict.
extension ChannelAssembly {
  private var delivered: AcknowledgeDelivered? {
    guard let settings = draft.source?.options as? any AnsweringSettings,
      case .delivered(let block) = settings.acknowledge
    else { return nil }
    return block
  }

  /// `acknowledge: {delivered: …}` of the source.
  var acknowledgement: ChannelDefinition.Acknowledgement? {
    delivered.map {
      ChannelDefinition.Acknowledgement(
        destination: $0.delivered.name, within: $0.within, keeps: $0.then == .keep)
    }
  }

  /// A sender who waits tries again itself: an AE goes to it at once, unless the destination says otherwise.
  func standardTries(of destination: String) -> [String: Int] {
    guard acknowledgement?.destination == destination else { return RefusedSetting.standard }
    return RefusedSetting.standard.mapValues { _ in 0 }
  }

  func checkAcknowledgement() {
    guard let delivered else { return }
    let (name, place) = (delivered.delivered.name, delivered.delivered.place ?? draft.namePlace)
    let names = draft.destinations.map(\.name)
    guard let destination = draft.destinations.first(where: { $0.name == name }) else {
      return reader.problem(
        "C128", "the channel \(draft.name.map { "`\($0)` " } ?? "")has no destination `\(name)`", at: place,
        label: nearest(to: name, among: names).map { "did you mean `\($0)`?" },
        help: ["its destinations: " + names.map { "`\($0)`" }.joined(separator: ", ")])
    }
    if destination.settings?.refused?.then == .hold, delivered.then == .cancel {
      reader.problem(
        "C150",
        "`\(name)` holds what is refused until a person decides, and the sender waits for \(delivered.within.text)",
        at: place, help: ["refused: {then: dead} tells the sender at once", "then: keep answers AA in the end"])
    }
  }
}
