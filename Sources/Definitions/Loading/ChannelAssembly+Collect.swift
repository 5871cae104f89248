import ConnectorKit
import Hilt
import Messages

/// `collect:` of a destination.
extension ChannelAssembly {
  /// Formats of which one message can be made of many.
  private static let gathered: [Format] = [.delimited, .text, .hl7v2, .dicom]

  /// - Parameters:
  ///   - format: of what comes to the destination.
  ///   - formats: all that what is sent may have.
  func collect(
    _ settings: CollectSettings, of destination: ChannelDraft.Destination, over format: Format, _ formats: [Format]
  ) -> DestinationDefinition.Collect? {
    if let other = formats.first(where: { !Self.gathered.contains($0) }) {
      reader.problem(
        "C151", "what is sent here is \(other.rawValue), of which no one message can be made", at: destination.place,
        help: [
          "a transform of this destination that gives delimited, text, hl7 or dicom",
          "without `collect` each goes by itself",
        ])
    } else if let other = formats.first(where: { $0 != formats[0] }) {
      reader.problem(
        "C151", "what is sent here is \(formats[0].rawValue) or \(other.rawValue): they can't be gathered together",
        at: destination.place, help: ["a transform of this destination that gives one of them"])
    }
    if acknowledgement?.destination == destination.name {
      reader.problem(
        "C151", "a sender waits for `\(destination.name)`, and what goes there waits for others", at: destination.place,
        help: ["`acknowledge: {delivered: …}` with another destination, or without `collect`"])
    }
    if formats.first == .dicom, settings.by == nil {
      reader.problem(
        "C151", "of DICOM objects those of one study are gathered, and nothing says which these are",
        at: destination.place, help: ["collect: {by: \"{StudyInstanceUID}\", until: {idle: 30s}}"])
    }
    var collect = DestinationDefinition.Collect(
      by: nil, idle: settings.until.idle, countMax: settings.until.count ?? CollectSettings.count(of: formats.first),
      dailyAt: settings.until.at?.minutes)
    collect.makesStudies = formats.first == .dicom
    if let by = settings.by {
      guard
        let template = hilt.keyTemplate(by.source, at: by.place ?? destination.place, over: format, hasOriginal: true)
      else { return nil }
      collect.by = (template, by.source)
    }
    return collect
  }
}
