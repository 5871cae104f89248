import ConnectorKit
import Hilt
import Messages
import Text

/// Makes a definition of a draft: compiles its Hilt, tries its connectors and checks what no single setting shows.
struct ChannelAssembly {
  let draft: ChannelDraft
  let reader: SettingReader
  let hilt: HiltCompiling
  let keep: Keep
  let limits: ChannelLimits
  let alerts: AlertRules
  /// The file that is named like the channel; `nil` for one of several of a file.
  let file: String?
  /// The processing id that its transforms must have, and the environment that says so.
  let processing: (wanted: String, environment: String)?

  /// The definition, where everything could be read; whether it may be used, the problems say.
  func definition(revision: ([Revision.File]) -> Revision) -> ChannelDefinition? {
    nameOfFile()
    let format = draft.format
    let prepare = draft.prepare.flatMap { self.prepare($0) }
    let transform = draft.transform.flatMap { self.transform($0, over: [format].compactMap(\.self)) }
    // Where the format isn't known, that is reported, and Hilt is looked at as if it were HL7.
    let sent = transform?.outputs.first?.format ?? format
    let emitted = transform.map { $0.outputs.map(\.format) } ?? []
    let destinations = draft.destinations.map { written in
      var made = destination(written, over: sent ?? .hl7v2, emitted.isEmpty ? [sent ?? .hl7v2] : emitted)
      let layout = (made?.transform ?? transform)?.outputs.lazy.compactMap(\.delimited).first
      made?.collect?.layout = layout
      return made
    }
    if let transform { check(uses: transform) }
    checkCircles(destinations)
    checkAcknowledgement(destinations)
    checkSilence()
    let columns = format.map { format in draft.columns.map { compile($0, over: format) } ?? [] }.map(withBatch).map(
      withLookups)
    let duplicates = format.flatMap { duplicateRule(over: $0) }
    tryConnectors()

    guard let name = draft.name, let settings = draft.settings, let source = draft.source, let hl7 = draft.hl7,
      let format, let columns
    else { return nil }
    let whole = destinations.compactMap(\.self)
    guard whole.count == destinations.count, (prepare == nil) == (draft.prepare == nil) else { return nil }
    return ChannelDefinition(
      name: name, about: settings.about, contact: settings.contact.map(contact), source: source, hl7: hl7,
      prepare: prepare, format: format, batch: draft.split.flatMap(BatchRule.init), unexpected: settings.unexpected,
      holdsFailed: settings.onFail == .hold,
      transform: transform, destinations: whole, duplicates: duplicates, keep: keep.overlaid(with: settings.keep),
      columns: columns, limits: limits.overlaid(with: settings.limits, inPieces: comesInPieces),
      alerts: alerts.overlaid(with: settings.alerts), acknowledgement: question(in: whole) ?? acknowledgement,
      revision: revision(hilt.reached), dependsOn: draft.depends.map { ChannelName($0.name) })
  }

  private func contact(_ settings: ContactSettings) -> ChannelDefinition.Contact {
    ChannelDefinition.Contact(
      partner: settings.partner, phone: settings.phone, hours: settings.hours, runbook: settings.runbook,
      critical: settings.critical)
  }

  /// A channel is looked for under its name.
  private func nameOfFile() {
    guard let name = draft.name, let file = file.map(RelativePath.name) else { return }
    let stem = file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
    guard stem != name.text else { return }
    reader.problem(
      "C125", "the file is called `\(stem)` and the channel `\(name)`", at: draft.namePlace, severity: .warning,
      help: ["call the file \(name).yaml"])
  }

  /// An alert that would never be raised.
  private func checkSilence() {
    guard let silence = draft.settings?.alerts?.silence?.silence, let schedule = draft.schedule,
      let place = draft.alertsPlace
    else { return }
    let limits = [silence.day, silence.night].compactMap { $0?.milliseconds }
    guard let longest = limits.max(), let shortest = limits.min() else { return }
    let counted = "silence is counted over the time in which something could come"
    if let pause = schedule.shortestPause, pause > longest {
      return reader.problem(
        "C139",
        "there is never less than \(Duration.milliseconds(pause).text) from one look of this source to the next",
        at: place, help: ["say more than that: \(counted)"])
    }
    let watch = schedule.longestWatch(pause: longest, enough: shortest)
    if watch < shortest {
      let text = Duration.milliseconds(watch).text
      let less = watch == 0 ? [] : ["say less than that"]
      let wider = schedule.window == nil ? [] : ["widen `between` and `days`, or leave them out"]
      reader.problem(
        "C139",
        watch == 0
          ? "this source rests after each look"
          : "this source is never at work for longer than \(text), and then it rests",
        at: place, help: less + wider + ["\(counted), and anew after each rest"])
    }
  }

  // MARK: - Hilt

  private func transform(_ setting: TransformSetting, over formats: [Format]) -> HiltProgram? {
    guard let program = hilt.program(setting) else { return nil }
    checkProcessing(program, setting)
    if let decision = program.replyDecision {
      reader.problem(
        "C129",
        "this is a reply transform, because `\(decision.word)` (\(decision.place)) decides about a partner's answer; "
          + "here a message comes in",
        at: setting.place, help: ["emit, drop, hold, fail or reject in place of done, retry, dead and answer"])
    }
    // A destination's own transform is given what the channel's transform emits.
    if let format = formats.first, !formats.contains(program.input.format) {
      reader.problem(
        "C130", "this transform reads \(program.input.format.rawValue), and what comes to it is \(format.rawValue)",
        at: setting.place,
        help: [
          "in \(format == .hl7v2 ? "hl7" : format.rawValue)", "leave the transform out: messages go on as they came",
        ])
    }
    return program
  }

  /// What is sent as a test never goes where patients are treated, and the other way round.
  private func checkProcessing(_ program: HiltProgram, _ setting: TransformSetting) {
    guard let processing, let own = program.parameters["processing"], own != processing.wanted else { return }
    reader.problem(
      "C166",
      "the transform `\(program.name)` has `processing` \(own), and the environment \(processing.environment) says "
        + processing.wanted,
      at: setting.parameters["processing"]?.place ?? setting.place,
      help: ["with: {processing: \"${PROCESSING}\"}, and its value in each environment"])
  }

  /// - Parameter emitted: the formats of what the channel's transform gives.
  private func destination(
    _ destination: ChannelDraft.Destination, over format: Format, _ emitted: [Format]
  ) -> DestinationDefinition? {
    let settings = destination.settings
    let own = settings?.transform
    let transform = own.flatMap { self.transform($0, over: emitted) }
    for use in transform?.destinations ?? [] where use.name != destination.name {
      hilt.add(
        Problem(
          "C128", "this is the own transform of `\(destination.name)`; what it emits goes there and nowhere else",
          at: use.place, help: ["emit it without `to`", "route in the channel's transform"]))
    }
    let when = settings?.when.flatMap { hilt.condition($0, over: format) }
    let sent = transform?.outputs.first?.format ?? format
    var templates: [(setting: String, template: HiltTemplate)] = []
    for (key, template) in destination.connector?.options.templates ?? [] {
      let place = template.place ?? destination.place
      if let compiled = hilt.sentTemplate(template.source, at: place, over: sent) {
        templates.append((key, compiled))
      }
    }
    let question = settings?.ask.block
    let order =
      question.map { DestinationDefinition.Order.none(inFlight: $0.inFlight) }
      ?? settings.flatMap { self.order($0.order, over: sent) }
    let reply = settings?.reply.flatMap { self.reply($0, of: destination, emitted) }
    let collect = settings?.collect.flatMap {
      self.collect($0, of: destination, over: format, transform.map { $0.outputs.map(\.format) } ?? emitted)
    }
    guard (settings?.collect == nil) == (collect == nil) else { return nil }
    guard let settings, let order, var connector = destination.connector, (own == nil) == (transform == nil),
      (settings.reply == nil) == (reply == nil)
    else { return nil }
    // What it says of an AE by default changes with who waits for it.
    if acknowledgement?.destination == destination.name { connector.written += "\nawaited" }
    return DestinationDefinition(
      name: destination.name, connector: connector, when: when, transform: transform, templates: templates,
      order: order, window: settings.window,
      unconfirmedMax: max(settings.unconfirmed, order.inFlight, settings.window),
      retry: RetryRule(settings.retry ?? RetrySettings()),
      refused: standardTries(of: destination.name).merging(settings.refused?.tries ?? [:]) { _, said in said },
      holdsRefused: settings.refused?.then == .hold, reply: reply,
      question: question.map { .init(within: $0.within, isAsked: reply?.answerPlace != nil) },
      collect: collect)
  }

  /// - Parameter sent: the format of what is sent.
  private func order(_ setting: OrderSetting, over sent: Format) -> DestinationDefinition.Order? {
    switch setting {
    case .strict: return .strict
    case .none(let inFlight): return DestinationDefinition.Order.none(inFlight: inFlight)
    case .by(let sources, let inFlight):
      let keys = sources.compactMap { hilt.value($0, over: sent, hasOriginal: true) }
      guard keys.count == sources.count else { return nil }
      return .keys(keys, inFlight: inFlight, written: sources.map(\.source))
    }
  }

  private func compile(_ columns: ColumnSettings, over format: Format) -> [ChannelDefinition.Column] {
    columns.columns.compactMap { name, _, expression in
      hilt.value(expression, over: format).map { ChannelDefinition.Column(name: name, expression: $0) }
    }
  }

  /// What was split is found by its batch.
  private func withBatch(_ columns: [ChannelDefinition.Column]) -> [ChannelDefinition.Column] {
    guard draft.split != nil, let format = draft.format, !columns.contains(where: { $0.name == "batch" }) else {
      return columns
    }
    let source = HiltSource(source: "message.source.batch.id", place: draft.namePlace)
    guard let batch = hilt.value(source, over: format) else { return columns }
    return columns + [ChannelDefinition.Column(name: "batch", expression: batch)]
  }

  /// What its source looks up is found.
  private func withLookups(_ columns: [ChannelDefinition.Column]) -> [ChannelDefinition.Column] {
    guard let format = draft.format, let settings = draft.source?.options as? any LookupSettings else { return columns }
    return columns
      + settings.lookupColumns.compactMap { name, expression in
        if columns.contains(where: { $0.name == name }) { return nil }
        let source = HiltSource(source: expression, place: draft.namePlace)
        return hilt.value(source, over: format).map { ChannelDefinition.Column(name: name, expression: $0) }
      }
  }

  private func duplicateRule(over format: Format) -> ChannelDefinition.DuplicateRule? {
    let settings = draft.duplicates
    // A hand-over comes once by itself, and what is sent again by hand is meant.
    if settings == nil, draft.source?.takesFromChannels == true { return nil }
    let within = settings?.within ?? .seconds(3600)
    guard within > .zero else { return nil }
    let rejects = settings?.conflict == .reject
    if let key = settings?.key {
      return hilt.keyTemplate(key.source, at: key.place ?? draft.namePlace, over: format)
        .map { ChannelDefinition.DuplicateRule(key: $0, within: within, rejectsOthers: rejects) }
    }
    guard let key = Self.ownKeys[format] else {
      if settings != nil {
        reader.problem(
          "C130", "`duplicates` needs a `key` here: only HL7 v2 and DICOM have one of their own",
          at: draft.duplicatesPlace ?? draft.namePlace,
          help: ["duplicates: {key: \"{message.source.file.name}\"}"])
      }
      return nil
    }
    return hilt.keyTemplate(key, at: draft.namePlace, over: format)
      .map { ChannelDefinition.DuplicateRule(key: $0, within: within, rejectsOthers: rejects) }
  }

  /// What makes two messages the same, beside their bytes, where a channel doesn't say.
  private static let ownKeys: [Format: String] = [.hl7v2: "{MSH-3}|{MSH-4}|{MSH-10}", .dicom: "{SOPInstanceUID}"]

  /// `emit … to` names destinations of this channel.
  func check(uses transform: HiltProgram) {
    let names = draft.destinations.map(\.name)
    for use in transform.destinations where !names.contains(use.name) {
      hilt.add(
        Problem(
          "C128", "the channel \(draft.name.map { "`\($0)` " } ?? "")has no destination `\(use.name)`", at: use.place,
          label: nearest(to: use.name, among: names).map { "did you mean `\($0)`?" },
          help: ["its destinations: " + names.map { "`\($0)`" }.joined(separator: ", ")]))
    }
  }

  // MARK: - Connectors

  /// Images are never whole in memory, unless their source fetches them whole.
  private var comesInPieces: Bool { draft.format == .dicom && draft.source?.fetches == false }

  /// Makes each connector once, which opens nothing, to hear what it says of its settings together.
  private func tryConnectors() {
    let channel = draft.name ?? ChannelName("channel")
    let bytesMax = limits.overlaid(with: draft.settings?.limits, inPieces: comesInPieces).messageBytesMax
    if let source = draft.source, let block = draft.sourceBlock {
      attempt(block) {
        _ = try source.make(
          ConnectorContext(channel: channel, hl7: draft.hl7 ?? HL7Settings(), messageBytesMax: bytesMax))
      }
    }
    for destination in draft.destinations {
      guard let connector = destination.connector, let block = destination.block else { continue }
      attempt(block) {
        _ = try connector.make(
          ConnectorContext(
            channel: channel, destination: destination.name, hl7: draft.hl7 ?? HL7Settings(), messageBytesMax: bytesMax)
        )
      }
    }
  }

  /// Looks at what the connectors' settings point to on this machine.
  func lookAround() {
    if let source = draft.source, let block = draft.sourceBlock { source.options.look(block, reader) }
    for destination in draft.destinations {
      if let block = destination.block { destination.connector?.options.look(block, reader) }
    }
  }

  private func attempt(_ block: SettingNode, _ make: () throws -> Void) {
    do {
      try make()
    } catch let error as SettingError {
      reader.problem("C132", error.reason, at: place(of: error.setting, in: block))
    } catch {
      reader.problem("C132", "\(error)", at: block.place)
    }
  }

  /// The place of a setting such as `tls.key`, or of the nearest block above it that is there.
  private func place(of setting: String?, in block: SettingNode) -> Place {
    var node = block
    for key in (setting ?? "").split(separator: ".") {
      guard let next = node[String(key)] else { break }
      node = next
    }
    return node.place
  }
}

extension RetryRule {
  init(_ settings: RetrySettings) {
    self.init(
      first: settings.first, factor: settings.factor.factor, longest: settings.longest,
      isJittered: settings.jitter == .full, limit: settings.for.duration)
  }
}

extension RefusedSetting {
  /// HL7 table 0008: AE asks for a change, AR refuses.
  static let standard = ["AE": 3, "AR": 0]
}
