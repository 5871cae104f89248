import ConnectorKit
import DICOM
import Definitions
import Logging
import Messages
import Store
import Synchronization

/// The connectors of a channel, made and not at work: what can be wrong with them is known before anything is changed.
struct PreparedConnectors {
  var source: SourceAtWork
  /// By destination.
  var destinations: [String: any DestinationConnector]
}

extension Engine {
  func log(of channel: ChannelName, lane: String? = nil) -> Logger {
    var log = log
    log[metadataKey: "channel"] = "\(channel)"
    if let lane { log[metadataKey: "lane"] = "\(lane)" }
    return log
  }

  private func context(_ definition: ChannelDefinition) -> ConnectorContext {
    ConnectorContext(
      channel: definition.name, logger: log(of: definition.name), hl7: definition.hl7,
      messageBytesMax: definition.limits.messageBytesMax, isPrepared: definition.prepare != nil,
      answers: shared.strikes)
  }

  /// Makes a channel's connectors, which opens nothing.
  func prepare(_ definition: ChannelDefinition) throws -> PreparedConnectors {
    var source = SourceAtWork(connector: try definition.source.make(context(definition)))
    source.schedule = definition.source.schedule.map {
      ScheduleRunner($0, clock: shared.clock, log: log(of: definition.name))
    }
    var prepared = PreparedConnectors(source: source, destinations: [:])
    for destination in definition.destinations {
      if destination.collect?.dailyAt != nil, shared.zone == nil {
        throw OperationError(
          "`at` of \(destination.name) needs time zones: install tzdata, or say `zone` in hilum.yaml")
      }
      var context = context(definition)
      context.destination = destination.name
      context.inFlight = destination.order.inFlight
      // A little before the asker's own time is over: what it is then told is how the question ended.
      context.answerWithin = destination.question.map { $0.within - max(.milliseconds(50), $0.within / 20) }
      context.laterAnswers = destination.answersFrom.map {
        LaterAnswersOfLane(book: shared.laterAnswers, channel: $0)
      }
      context.logger = log(of: definition.name, lane: destination.name)
      prepared.destinations[destination.name] = try destination.connector.make(context)
    }
    return prepared
  }

  /// Registers a channel that wasn't there and puts it together.
  func make(
    _ definition: ChannelDefinition, _ prepared: PreparedConnectors, by: String, over: String? = nil
  ) async throws -> ChannelRuntime {
    let note = noteOfRun(definition, by: by, over: over, leaving: [])
    let keys = try await register(definition, note)
    let lanes = makeLanes(definition, keys, prepared, keeping: [])
    return ChannelRuntime(
      ChannelVersion(definition, keys: keys, lanes: lanes), source: prepared.source, shared: shared,
      log: log(of: definition.name))
  }

  /// The lanes of a definition, in its order.
  ///
  /// - Parameter keeping: lanes that go on as they are.
  func makeLanes(
    _ definition: ChannelDefinition, _ keys: ChannelKeys, _ prepared: PreparedConnectors, keeping: [Lane]
  ) -> [Lane] {
    let pipeline = Pipeline(definition)
    let lanes: [Lane] = definition.destinations.indices.compactMap { index in
      let (destination, own) = (definition.destinations[index], keys.lanes[index])
      if let lane = keeping.first(where: { $0.name.destination == destination.name }) { return lane }
      guard let connector = prepared.destinations[destination.name] else { return nil }
      return makeLane(
        LaneName(channel: definition.name, destination: destination.name), destination, of: definition, own, connector,
        destination.reply.map { _ in ReplyReader(destination: index, pipeline, keys, shared) })
    }
    for lane in lanes { lane.replies?.know(lanes) }
    return lanes
  }

  /// A lane that does not work yet.
  func makeLane(
    _ name: LaneName, _ destination: DestinationDefinition, of definition: ChannelDefinition, _ keys: ChannelKeys.Lane,
    _ connector: any DestinationConnector, _ replies: ReplyReader?
  ) -> Lane {
    var policy = LanePolicy(destination)
    policy.isAwaited = definition.acknowledgement?.destination == destination.name
    let lane = Lane(
      name, keys: keys, connector: connector, store: store, policy: policy, clock: shared.clock,
      isFirst: shared.lanesKnown.withLock { $0.insert(keys.key).inserted },
      log: log(of: name.channel, lane: name.destination), replies: replies,
      handOver: handOver(of: name.channel, destination, key: keys.key),
      gatherer: gatherer(of: name.channel, destination, key: keys.key),
      answers: shared.answers, laterAnswers: shared.laterAnswers,
      isStruck: { [shared] in shared.strikes.isStruck($0) })
    if let channel = destination.answersFrom { shared.laterAnswers.register(lane, in: channel) }
    return lane
  }

  /// What takes the deliveries of a destination that is another channel; `nil` for any other destination.
  func handOver(of channel: ChannelName, _ destination: DestinationDefinition, key: Int64) -> HandOver? {
    guard let target = destination.handsOnTo else { return nil }
    return HandOver(
      to: target, from: LaneName(channel: channel, destination: destination.name), lane: key,
      isStrict: !destination.order.isLoose, shared)
  }

  /// What gathers the deliveries of a destination into messages of another channel; `nil` where each goes by itself.
  func gatherer(of channel: ChannelName, _ destination: DestinationDefinition, key: Int64) -> Gatherer? {
    guard let target = destination.handsOnTo, let collect = destination.collect else { return nil }
    let rule = Gathering.Rule(
      isKeyed: collect.by != nil, idle: collect.idle?.milliseconds, countMax: collect.countMax,
      daily: collect.dailyAt.flatMap { minutes in shared.zone.map { DailyTime(minutes: minutes, zone: $0) } },
      bytesEach: collect.makesStudies ? DICOMStudy.bytesEach : nil)
    return Gatherer(
      rule, of: collect.layout, to: target, from: LaneName(channel: channel, destination: destination.name), lane: key,
      shared,
      log: log(of: channel, lane: destination.name))
  }

  /// Makes a revision the one that runs, in the store's eyes.
  ///
  /// - Parameter heirs: where what waits in lanes that end with it goes.
  func register(
    _ definition: ChannelDefinition, _ note: DeploymentNote, heirs: [String: String] = [:]
  ) async throws -> ChannelKeys {
    var registration = definition.registration
    (registration.note, registration.heirs) = (note, heirs)
    let keys = try await store.register(registration)
    state.withLock { $0.notes[definition.name.text] = note }
    return keys
  }

  /// What will be known of a channel when this revision of it runs.
  ///
  /// - Parameters:
  ///   - over: the files on disk that it is rolled back over; `nil` where it runs as they say.
  ///   - leaving: lanes that end with this revision and in which something waits.
  func noteOfRun(
    _ definition: ChannelDefinition, by: String, over: String?, leaving: [DeploymentNote.Leaving]
  ) -> DeploymentNote {
    var note = state.withLock { $0.notes[definition.name.text] } ?? DeploymentNote()
    note.run(
      DeploymentNote.Run(
        revision: definition.revision.hex, since: shared.clock.now().wall, by: by,
        file: definition.revision.files.first?.path ?? ""))
    note.rolledBackOver = over
    let names = definition.destinations.map(\.name)
    note.leaving.removeAll { one in names.contains(one.lane) || leaving.contains { $0.lane == one.lane } }
    note.leaving += leaving
    return note
  }
}
