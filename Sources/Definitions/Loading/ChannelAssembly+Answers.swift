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

  /// A sender who asks a question waits for its answer.
  func question(in destinations: [DestinationDefinition]) -> ChannelDefinition.Acknowledgement? {
    for destination in destinations {
      guard let question = destination.question, question.isAsked else { continue }
      return ChannelDefinition.Acknowledgement(
        destination: destination.name, within: question.within, keeps: false, isQuestion: true)
    }
    return nil
  }

  private func checkQuestions(_ destinations: [DestinationDefinition?]) {
    let asked = destinations.compactMap(\.self).filter { $0.question?.isAsked == true }
    guard let first = asked.first else { return }
    for other in asked.dropFirst() {
      guard let place = other.reply?.answerPlace else { continue }
      hilt.add(
        Problem(
          "C150", "a sender gets one answer, and `\(first.name)` answers it already", at: place,
          help: ["`done` here, and `emit … to` what needs it", "or make two channels of it"]))
    }
    if let delivered {
      reader.problem(
        "C150", "the sender waits for the answer of `\(first.name)`, because that is asked and answers",
        at: delivered.delivered.place ?? draft.namePlace, help: ["remove `acknowledge`"])
    }
    if let source = draft.source, !(source.options is any AnsweringSettings), let place = first.reply?.answerPlace {
      hilt.add(
        Problem(
          "C150", "`answer` goes to a sender who waits, and a `\(source.connector)` source has none", at: place,
          help: ["`done`, and `emit … to` where the answer goes"]))
    }
  }

  func checkAcknowledgement(_ destinations: [DestinationDefinition?]) {
    checkQuestions(destinations)
    if let place = draft.splitPlace, question(in: destinations.compactMap(\.self)) != nil {
      reader.problem(
        "C130", "the sender waits for the answer of one that is asked, and what is split has several parts", at: place,
        help: ["remove `split`"])
    }
    guard let delivered else { return }
    let (name, place) = (delivered.delivered.name, delivered.delivered.place ?? draft.namePlace)
    let names = draft.destinations.map(\.name)
    guard let destination = draft.destinations.first(where: { $0.name == name }) else {
      return reader.problem(
        "C128", "the channel \(draft.name.map { "`\($0)` " } ?? "")has no destination `\(name)`", at: place,
        label: nearest(to: name, among: names).map { "did you mean `\($0)`?" },
        help: ["its destinations: " + names.map { "`\($0)`" }.joined(separator: ", ")])
    }
    let asked = destinations.compactMap(\.self).first { $0.name == name }?.question
    if asked?.isAsked == false {
      reader.problem(
        "C150", "`\(name)` is asked, and its `reply:` program answers nobody", at: place,
        help: ["say `answer msg` there, and remove `acknowledge`"])
    }
    let remembered = draft.duplicates?.within ?? .seconds(3600)
    if remembered <= delivered.within {
      reader.problem(
        "C150", "a sender that is not answered in \(delivered.within.text) sends again, and must be known then",
        at: draft.duplicatesPlace ?? place, help: ["duplicates: {within: 1h}", "remove `acknowledge`"])
    }
    if destination.settings?.refused?.then == .hold, delivered.then == .cancel {
      reader.problem(
        "C150",
        "`\(name)` holds what is refused until a person decides, and the sender waits for \(delivered.within.text)",
        at: place, help: ["refused: {then: dead} tells the sender at once", "then: keep answers AA in the end"])
    }
  }
}
