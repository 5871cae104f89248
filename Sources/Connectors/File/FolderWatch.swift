import Glibc

/// Waits for news of a folder: inotify where there is any, time where there is none.
///
/// The kernel's events only wake: what they say is never acted on, because they can be lost (the queue runs over),
/// doubled or late. Whoever is woken looks at the folder itself.
final class FolderWatch {
  enum News { case stop, look }

  private let stop: StopSignal
  /// `-1` without inotify.
  private let descriptor: CInt
  private let concerns: (FileName) -> Bool

  /// What could change which files are whole, and what ends the folder.
  private static let interest =
    UInt32(IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) | UInt32(IN_ONLYDIR)
  /// Events about the folder or the queue, not about a name.
  private static let always =
    UInt32(IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)

  /// - Parameter concerns: whether a name is worth waking for.
  init(path: String, stop: StopSignal, concerns: @escaping (FileName) -> Bool) {
    self.stop = stop
    self.concerns = concerns
    let instance = inotify_init1(CInt(IN_NONBLOCK) | CInt(IN_CLOEXEC))
    if instance >= 0, inotify_add_watch(instance, path, Self.interest) < 0 {
      close(instance)
      descriptor = -1
    } else {
      descriptor = instance
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// Whether the kernel tells; where it doesn't, only time does.
  var isTold: Bool { descriptor >= 0 }

  /// Returns when there is news, when it is time to look anyway, or when all is to stop.
  func wait(until deadline: Duration, now: () -> Duration) -> News {
    var ends = [
      pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
    ]
    while true {
      let left = max(0, (deadline - now()).wholeMilliseconds)
      let count = poll(&ends, nfds_t(ends.count), CInt(clamping: left))
      if stop.wasSet { return .stop }
      if count == 0 { return .look }
      if count > 0, ends[1].revents != 0, drain() { return .look }
    }
  }

  /// Takes all events there are. `true` where one of them is worth looking for.
  private func drain() -> Bool {
    var wasNews = false
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return wasNews }
      if isNews(buffer[..<count]) { wasNews = true }
    }
  }

  /// Whether there is something to look for in a run of `struct inotify_event` (inotify(7)): watch, mask, cookie and
  /// length as 32 bits each, then the name, filled up with NUL.
  func isNews(_ events: ArraySlice<UInt8>) -> Bool {
    let headByteCount = 16
    var rest = events
    while rest.count >= headByteCount {
      let mask = Self.word(rest, 4)
      let length = Int(Self.word(rest, 12))
      if mask & Self.always != 0 { return true }
      guard rest.count - headByteCount >= length else { return true }
      let name = rest.dropFirst(headByteCount).prefix(length).prefix { $0 != 0 }
      // An event without a name is about the folder's own attributes: its permissions may be mended.
      if name.isEmpty || concerns(FileName(bytes: Array(name))) { return true }
      rest = rest.dropFirst(headByteCount + length)
    }
    return false
  }

  private static func word(_ bytes: ArraySlice<UInt8>, _ offset: Int) -> UInt32 {
    bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
  }
}

extension Duration {
  /// Rounded up, so that a deadline has passed when it was waited for.
  fileprivate var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    let scaled = seconds.multipliedReportingOverflow(by: 1000)
    if scaled.overflow { return seconds < 0 ? .min : .max }
    return scaled.partialValue &+ (attoseconds &+ 999_999_999_999_999) / 1_000_000_000_000_000
  }
}
