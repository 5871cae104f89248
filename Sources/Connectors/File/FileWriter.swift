import ConnectorKit
import Glibc
import Messages

/// Writes deliveries as files, step by step and in their order. Blocks; lives on the thread of one destination.
///
/// The steps of each: its bytes aside, under a name that belongs to this delivery alone; the bytes to disk; the name;
/// the name to disk. A process that dies between any two of them leaves nothing under the name or the whole message,
/// and the next attempt goes on from there: what was left aside is replaced, what has its name already is recognised.
///
/// Several deliveries go through each step together, so that they share what the disk does for all at once.
final class FileWriter {
  private let path: String
  private let onCollision: FileDestinationSettings.Collision
  private let failpoint: FileFailpoint?
  private var root: Folder?

  init(_ options: FileDestinationSettings, failpoint: FileFailpoint?) {
    path = options.directory.path
    onCollision = options.onCollision
    self.failpoint = failpoint
  }

  /// A delivery on its way through the steps.
  private struct Draft {
    let delivery: Delivery
    let place: WrittenName
    let folder: Folder
    let file: OpenFile
    /// Its name in the folder, once it has one.
    var name: FileName?
    /// Why its bytes are not on disk, once that was tried.
    var syncFault: FileFault?
    /// An attempt before this one had given it its name.
    var wasThere = false
  }

  /// One result for each delivery, in their order. Behind one that its folder keeps from being written none is tried.
  func write(_ deliveries: [Delivery]) -> [Result<Reply, DeliveryError>] {
    var folders: [[FileName]: Folder] = [:]
    var drafts = each(deliveries.map { .success($0) }, abandon: { _ in }) { delivery throws(DeliveryError) in
      try writeAside(delivery, &folders)
    }
    drafts = syncFiles(drafts)
    drafts = each(drafts, abandon: removeAside) { draft throws(DeliveryError) in try giveName(draft) }
    return finish(drafts)
  }

  /// Takes all through one step. What fails, and what is behind something unreachable, is abandoned.
  private func each<Input>(
    _ inputs: [Result<Input, DeliveryError>], abandon: (Input) -> Void,
    _ step: (Input) throws(DeliveryError) -> Draft
  ) -> [Result<Draft, DeliveryError>] {
    var isStuck = false
    return inputs.map { input in
      input.flatMap { input in
        do throws(DeliveryError) {
          if isStuck { throw DeliveryError.behind }
          return .success(try step(input))
        } catch {
          abandon(input)
          if error.kind == .unreachable { isStuck = true }
          return .failure(error)
        }
      }
    }
  }

  // MARK: - The steps

  private func writeAside(_ delivery: Delivery, _ folders: inout [[FileName]: Folder]) throws(DeliveryError) -> Draft {
    guard case .bytes(let bytes) = delivery.payload.content else {
      throw DeliveryError(.permanent, "a payload kept as a file of the store can't be written yet", bytesSent: false)
    }
    let place: WrittenName
    do throws(WrittenName.Refusal) {
      place = try WrittenName(delivery.rendered["name"] ?? [])
    } catch {
      throw DeliveryError(.permanent, error.reason, bytesSent: false)
    }
    do throws(FileFault) {
      let folder = try folder(place.folders, &folders)
      let aside = Self.aside(delivery)
      if delivery.possibleDuplicate, let (name, file) = try findWritten(delivery, bytes, place, in: folder) {
        try? folder.remove(aside)
        return Draft(delivery: delivery, place: place, folder: folder, file: file, name: name, wasThere: true)
      }
      let file = try createAside(aside, in: folder)
      do throws(FileFault) {
        try file.write(bytes)
      } catch {
        try? folder.remove(aside)
        throw error
      }
      file.mark(delivery.id)
      return Draft(delivery: delivery, place: place, folder: folder, file: file)
    } catch {
      throw deliveryError(error)
    }
  }

  private func createAside(_ aside: FileName, in folder: Folder) throws(FileFault) -> OpenFile {
    do throws(FileFault) {
      return try folder.create(aside)
    } catch {
      guard error.number == EEXIST else { throw error }
      // An attempt that died left it. The name holds the delivery's id: nobody else writes there.
      try folder.remove(aside)
      return try folder.create(aside)
    }
  }

  private func syncFiles(_ drafts: [Result<Draft, DeliveryError>]) -> [Result<Draft, DeliveryError>] {
    let files = drafts.compactMap { try? $0.get().file }
    var faults = SyncCrew.shared.sync(files)[...]
    return drafts.map { draft in
      draft.map { draft in
        var draft = draft
        draft.syncFault = faults.popFirst() ?? nil
        return draft
      }
    }
  }

  private func giveName(_ draft: Draft) throws(DeliveryError) -> Draft {
    if let fault = draft.syncFault { throw deliveryError(fault) }
    guard draft.name == nil else { return draft }
    var draft = draft
    var name = draft.place.file
    while true {
      do throws(FileFault) {
        do throws(FileFault) {
          try draft.folder.move(Self.aside(draft.delivery), to: draft.folder, as: name)
          draft.name = name
          return draft
        } catch {
          guard error.number == EEXIST else { throw error }
        }
        guard onCollision == .number else { throw FileFault(.move, EEXIST) }
        name = try draft.folder.freeName(like: draft.place.file)
      } catch {
        throw deliveryError(error)
      }
    }
  }

  /// Brings the names to disk, each folder once.
  private func finish(_ drafts: [Result<Draft, DeliveryError>]) -> [Result<Reply, DeliveryError>] {
    var synced: [ObjectIdentifier: FileFault?] = [:]
    return drafts.map { draft in
      draft.flatMap { draft in
        let folder = ObjectIdentifier(draft.folder)
        let fault = synced[folder] ?? FileFault.of { () throws(FileFault) in try draft.folder.sync() }
        synced[folder] = .some(fault)
        if let fault { return .failure(deliveryError(fault)) }
        let shown = draft.place.shown(as: draft.name ?? draft.place.file)
        return .success(Reply(draft.wasThere ? "was written before as \(shown)" : "written as \(shown)"))
      }
    }
  }

  private func removeAside(_ draft: Draft) {
    if draft.name == nil { try? draft.folder.remove(Self.aside(draft.delivery)) }
  }

  private static func aside(_ delivery: Delivery) -> FileName { FileName(".hilum-\(delivery.id).tmp") }

  // MARK: - Folders

  /// The destination's folder, opened again where the path leads elsewhere by now.
  private func openRoot() throws(FileFault) -> Folder {
    if let root, root.isStill(at: path) { return root }
    root = nil
    let opened = try Folder.open(path, failpoint: failpoint)
    root = opened
    return opened
  }

  private func folder(_ names: [FileName], _ folders: inout [[FileName]: Folder]) throws(FileFault) -> Folder {
    if let known = folders[names] { return known }
    var folder = try openRoot()
    for name in names { folder = try folder.subfolder(name) }
    folders[names] = folder
    return folder
  }

  /// What `hilum ping` shows.
  func ping() -> PingReport {
    do throws(FileFault) {
      let folder = try openRoot()
      var lines = ["the folder \(path) is there"]
      guard faccessat(folder.descriptor, ".", W_OK | X_OK, AT_EACCESS) == 0 else {
        return PingReport(reached: false, lines: lines + ["it can't be written: \(FileFault.text(errno))"])
      }
      var system = statvfs()
      guard fstatvfs(folder.descriptor, &system) == 0 else { throw FileFault(.look, errno) }
      guard system.f_flag & UInt(ST_RDONLY) == 0 else {
        return PingReport(reached: false, lines: lines + ["its file system is read-only"])
      }
      let free = UInt64(system.f_bavail).multipliedReportingOverflow(by: UInt64(system.f_frsize))
      lines += ["it can be written", "free: \(free.overflow ? .max : free.partialValue / 1_048_576) MiB"]
      return PingReport(reached: system.f_bavail > 0, lines: lines)
    } catch {
      return PingReport(reached: false, lines: ["\(path): \(error)"])
    }
  }

  // MARK: - Errors

  /// Who the fault belongs to: a name that can't be is this message's, all else is the folder's, and the lane waits for
  /// it.
  private func deliveryError(_ fault: FileFault) -> DeliveryError {
    switch (fault.step, fault.number) {
    case (.move, EEXIST):
      return DeliveryError(.retryable, "a file of that name is there already", code: "exists", bytesSent: false)
    case (.openFolder, ENOTDIR) where root != nil, (.openFolder, ELOOP) where root != nil:
      return DeliveryError(
        .permanent, "\(path): a subfolder of the file's name is a link or no folder, and is not followed",
        bytesSent: false)
    case (_, ENAMETOOLONG), (_, EILSEQ), (.create, EINVAL), (.move, EINVAL), (.makeFolder, EINVAL), (.write, EFBIG):
      return DeliveryError(.permanent, "\(path): \(fault)", bytesSent: false)
    default:
      // After a rename that failed half-way, or a folder that could not be brought to disk, the name may be there.
      let isNamed = fault.step == .move || fault.step == .syncFolder
      root = nil
      return DeliveryError(.unreachable, "\(path): \(fault)", bytesSent: isNamed)
    }
  }
}

extension DeliveryError {
  static let behind = DeliveryError(
    .unreachable, "not tried: the message before it could not be written", bytesSent: false)
}
