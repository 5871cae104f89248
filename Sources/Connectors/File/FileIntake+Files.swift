import Glibc

// One file: read it, and put it away when it is answered.

extension FileIntake {
  /// Reads a file that is whole and finds its messages. `nil` where there is nothing to hand over now: it is gone, it
  /// changed, it can't be read, or it was set aside.
  func read(_ name: FileName, _ facts: FileFacts) -> FileTaken? {
    guard facts.byteCount <= plan.messageBytesMax else {
      setAside(name, facts, "it has \(facts.byteCount) bytes; \(plan.messageBytesMax) at most are taken")
      return nil
    }
    let bytes: [UInt8]
    do throws(FileFault) {
      let file = try folders.directory.openFile(name)
      // The name may stand for something else by now, and the file may grow while it is read.
      guard try file.facts().isSameContent(as: facts) else { return skip(name) }
      bytes = try file.read(bytesMax: facts.byteCount + 1)
      guard bytes.count == facts.byteCount, try file.facts().isSameContent(as: facts) else { return skip(name) }
    } catch {
      if error.number == ENOENT || error.number == ELOOP { return skip(name) }
      note(name, "can't be read, and is tried again: \(FileFault.text(error.number))")
      return nil
    }
    switch FileMessages.split(bytes, isMany: plan.isMany, plan.hl7) {
    case .messages(let messages): return FileTaken(name: name, facts: facts, bytes: bytes, messages: messages)
    case .refused(let reason):
      setAside(name, facts, reason)
      return nil
    }
  }

  /// Not what it was a moment ago: the next look finds out what it is.
  private func skip(_ name: FileName) -> FileTaken? {
    changed()
    sightings[name] = nil
    return nil
  }

  /// All messages of the file are answered.
  func finish(_ file: FileTaken) {
    counts.took(file.messages.count - file.refusals.count, at: clock.wallMilliseconds())
    guard !file.refusals.isEmpty else { return putAway(file.name, file.facts, .taken) }
    let reason = FileReason(file, channel: channel)
    counts.refused(file.refusals.count, reason.reason)
    note(file.name, "was set aside: \(reason.reason)")
    putAway(file.name, file.facts, .refused(reason.text))
  }

  /// A file that can't be taken.
  private func setAside(_ name: FileName, _ facts: FileFacts, _ reason: String) {
    counts.refused(1, reason)
    note(name, "was set aside: \(reason)")
    putAway(name, facts, .refused(FileReason(reason, file: name, channel: channel).text))
  }

  /// Moves, deletes or keeps. Where that fails the file is remembered, and it is tried again at each look.
  func putAway(_ name: FileName, _ facts: FileFacts, _ outcome: FileSighting.Outcome) {
    sightings[name] = FileSighting(facts: facts, since: .zero, state: .handled(outcome))
    do throws(FileFault) {
      guard let current = try folders.directory.look(at: name), current.isSameContent(as: facts) else {
        // Gone, or another file has its name by now, which wasn't taken yet.
        sightings[name] = nil
        return
      }
      switch outcome {
      case .taken:
        if let done = folders.done {
          _ = try moveAway(name, facts, to: done)
        } else if plan.after == .delete {
          try folders.directory.remove(name)
        } else {
          sightings[name] = FileSighting(facts: current, since: .zero, state: .kept)
          return
        }
      case .refused(let text):
        guard let failed = folders.failed else {
          sightings[name] = FileSighting(facts: current, since: .zero, state: .kept)
          return
        }
        if let moved = try moveAway(name, facts, to: failed) { writeReason(text, beside: moved, in: failed) }
      }
      sightings[name] = nil
      removeMark(of: name)
    } catch {
      note(name, "was dealt with and can't be put away: \(FileFault.text(error.number))")
    }
  }

  /// Renames without replacing anything there. `nil` where another file had taken the name in that moment: it is put
  /// back.
  private func moveAway(_ name: FileName, _ facts: FileFacts, to folder: Folder) throws(FileFault) -> FileName? {
    let moved = try move(name, from: folders.directory, to: folder)
    if let found = try folder.look(at: moved), !found.isSameContent(as: facts) {
      _ = try move(moved, from: folder, to: folders.directory, as: name)
      return nil
    }
    return moved
  }

  private func move(
    _ name: FileName, from source: Folder, to target: Folder, as wanted: FileName? = nil
  ) throws(FileFault) -> FileName {
    let wanted = wanted ?? name
    var newName = wanted
    while true {
      do throws(FileFault) {
        try source.move(name, to: target, as: newName)
        return newName
      } catch {
        guard error.number == EEXIST else { throw error }
      }
      newName = try target.freeName(like: wanted)
    }
  }

  private func writeReason(_ text: String, beside name: FileName, in folder: Folder) {
    do throws(FileFault) {
      try folder.create(name.appending(FileReason.suffix)).write(Array(text.utf8))
    } catch {
      note(name, "was set aside; the reason can't be written beside it: \(FileFault.text(error.number))")
    }
  }

  /// Unless a next file of that name came at once: the mark may be its own.
  private func removeMark(of name: FileName) {
    guard case .marked(let suffix) = plan.completeness else { return }
    do throws(FileFault) {
      guard try folders.directory.look(at: name) == nil else { return }
      try folders.directory.remove(FileName(bytes: name.bytes + suffix))
    } catch {
      note(name, "was put away; the file that said it is whole can't be removed: \(FileFault.text(error.number))")
    }
  }
}
