import Definitions
import Logging
import Messages
import Store
import Synchronization

/// A revision of a channel, as people see it.
package struct RevisionShown: Sendable, Codable, Equatable {
  package var channel: String
  /// Sixteen digits of its hash; `nil` for a time in which the channel was out of work.
  package var revision: String?
  /// Milliseconds since 1970.
  package var since: Int64
  /// `start`, `deploy`, `rollback`, `restored`; `kept` for one of which only the content is known.
  package var by: String
  package var runs: Bool
  package var files: [String]
}

// Which revision of a channel runs, and how an earlier one runs again.

extension Engine {
  /// What runs since when: of every channel the revision that runs, or of one all that are known, the newest first.
  package func revisions(of name: String?) async throws -> [RevisionShown] {
    let notes = state.withLock { $0.notes }
    guard let name else {
      return channels.map { channel in
        let revision = channel.definition.revision
        let last = notes[channel.name.text]?.runs.last
        return RevisionShown(
          channel: channel.name.text, revision: revision.id, since: last?.since ?? startedAt, by: last?.by ?? "start",
          runs: true, files: revision.files.map(\.path))
      }
    }
    let known = try await store.revisions(of: name)
    guard !known.isEmpty else { throw OperationError("no revision of a channel \(name) is known") }
    let running = channel(name)?.definition.revision.hex
    let runs = notes[name]?.runs ?? []
    var shown: [RevisionShown] = []
    for (index, run) in runs.enumerated().reversed() {
      shown.append(
        RevisionShown(
          channel: name, revision: run.revision.map { String($0.prefix(16)) }, since: run.since, by: run.by,
          runs: index == runs.count - 1 && run.revision == running,
          files: known.first { hex($0.hash) == run.revision }?.paths ?? []))
    }
    for record in known.reversed() where !runs.contains(where: { $0.revision == hex(record.hash) }) {
      shown.append(
        RevisionShown(
          channel: name, revision: String(hex(record.hash).prefix(16)), since: record.madeAt, by: "kept", runs: false,
          files: record.paths))
    }
    return shown
  }

  /// Runs the stored content of an earlier revision. It stays, over restarts and deployments, until the channel's files
  /// change.
  ///
  /// - Parameter wanted: the first digits of a revision; without it, the one that ran before.
  package func rollback(
    _ name: String, to wanted: String?, waiting: LeavingChoice?
  ) async throws -> DeploymentReport {
    try await gate.alone {
      let hash = try await revision(of: name, wanted)
      let definition = try await definition(of: name, revision: hash)
      let onDisk = await revisionOnDisk(name)
      let isOnDisk = onDisk == definition.revision.hex
      var all = Wanted(definitions: channels.map(\.definition).filter { $0.name.text != name } + [definition])
      for (channel, note) in state.withLock({ $0.notes }) { all.rolledBackOver[channel] = note.rolledBackOver }
      all.rolledBackOver[name] = isOnDisk ? nil : onDisk ?? ""
      var report = await perform(all, waiting, by: "rollback", into: DeploymentReport())
      report.channels.removeAll { $0.name != name }
      guard let index = report.channels.indices.first else { return report }
      report.channels[index].lines += said(definition, hash, onDisk: onDisk)
      return report
    }
  }

  /// How what runs stands to the files.
  private func said(_ definition: ChannelDefinition, _ hash: String, onDisk: String?) -> [String] {
    var lines: [String] = []
    if definition.revision.hex != hash {
      lines.append("its variables have other values now: it runs as revision \(definition.revision.id)")
    }
    switch onDisk {
    case definition.revision.hex: lines.append("the files on disk are this revision")
    case let other?:
      lines.append(
        "the files on disk are another revision (\(other.prefix(16))) and were left alone; this one runs, also after a "
          + "restart, until they change and are deployed")
    case nil:
      lines.append(
        "the files on disk have an error or are gone (hilum check); this one runs, also after a restart, until they "
          + "are mended and deployed")
    }
    return lines
  }

  /// The revision that the channel's files would be now; `nil` where they have an error or aren't there.
  private func revisionOnDisk(_ name: String) async -> String? {
    let loaded = try? await loadFiles(environment).0
    return loaded?.definitions.first { $0.name.text == name }?.revision.hex
  }

  private func revision(of name: String, _ wanted: String?) async throws -> String {
    let known = try await store.revisions(of: name).map { hex($0.hash) }
    guard !known.isEmpty else { throw OperationError("no revision of a channel \(name) is known") }
    let running = channel(name)?.definition.revision.hex
    guard let wanted else {
      let runs = state.withLock { $0.notes[name]?.runs } ?? []
      if let before = runs.last(where: { $0.revision != nil && $0.revision != running })?.revision { return before }
      throw OperationError("nothing ran before what runs; hilum revisions \(name) shows what is known")
    }
    let found = known.filter { $0.hasPrefix(wanted.lowercased()) }
    guard let first = found.first, wanted.utf8.count >= 4 else {
      throw OperationError("channel \(name) has no revision \(wanted); hilum revisions \(name) shows them")
    }
    guard found.count == 1 else { throw OperationError("\(found.count) revisions begin with \(wanted)") }
    if first == running { throw OperationError("revision \(first.prefix(16)) runs already") }
    return first
  }

  /// A channel of a stored revision.
  func definition(of name: String, revision: String) async throws -> ChannelDefinition {
    guard let files else { throw OperationError("this engine was not started from channel files") }
    let stored = try await store.files(of: name, revision: bytes(revision))
    let runs = state.withLock { $0.notes[name]?.runs } ?? []
    let known = runs.last { $0.revision == revision && !$0.file.isEmpty }?.file
    // Of a revision that ran before such notes were kept: its channel file stands in the folder itself.
    let file =
      known ?? stored.map(\.path).first { ["\(name).yaml", "\(name).yml"].contains($0) }
      ?? stored.map(\.path)
      .first { !$0.contains("/") && ($0.hasSuffix(".yaml") || $0.hasSuffix(".yml")) }
    guard let file else { throw OperationError("revision \(revision.prefix(16)) of \(name) is not kept") }
    let loaded = files.restore(
      stored.map { Revision.File(path: $0.path, bytes: $0.content) }, file, environment)
    guard let definition = loaded.definitions.first else {
      let error = loaded.problems.first { $0.severity == .error }
      throw OperationError(
        "revision \(revision.prefix(16)) of \(name) can't be run any more: "
          + (error.map { "\($0.place): \($0.message)" } ?? "it has an error"))
    }
    return definition
  }

  // MARK: At the start

  func readNotes() async {
    let notes = try? await store.deployments()
    state.withLock { $0.notes = notes ?? [:] }
  }

  /// What shall run of a channel whose files say this: what it was rolled back to, as long as the files are those of
  /// then.
  func rolledBack(_ definition: ChannelDefinition) async throws -> (definition: ChannelDefinition, over: String?) {
    let note = state.withLock { $0.notes[definition.name.text] }
    guard let over = note?.rolledBackOver, over == definition.revision.hex, let run = note?.runs.last?.revision else {
      return (definition, nil)
    }
    do {
      return (try await self.definition(of: definition.name.text, revision: run), over)
    } catch {
      throw OperationError("it was rolled back, and \(error)")
    }
  }

  /// A channel whose file has an error and that was rolled back before runs what it was rolled back to.
  func startRolledBack(_ broken: BrokenChannel) async {
    let note = state.withLock { $0.notes[broken.name] }
    guard let over = note?.rolledBackOver, let run = note?.runs.last?.revision else { return }
    do {
      let definition = try await definition(of: broken.name, revision: run)
      let channel = try await make(definition, prepare(definition), by: "start", over: over)
      state.withLock { $0.channels.append(channel) }
    } catch {
      log.error("A channel could not be started.", metadata: ["channel": "\(broken.name)", "reason": "\(error)"])
    }
  }
}

private func hex(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

private func bytes(_ hex: String) -> [UInt8] {
  let digits = hex.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
  return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
