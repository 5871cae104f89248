import Glibc
import Synchronization

/// Tells a thread to stop, also while it waits in `poll`: a pipe becomes readable.
final class StopSignal: Sendable {
  private let isSet = Atomic<Bool>(false)
  private let reading: CInt
  private let writing: CInt

  init() throws(FileFault) {
    var ends: [CInt] = [-1, -1]
    guard pipe(&ends) == 0 else { throw FileFault(.startThread, errno) }
    (reading, writing) = (ends[0], ends[1])
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
  }

  deinit {
    close(reading)
    close(writing)
  }

  /// Readable from the moment on when `set` was called.
  var descriptor: CInt { reading }
  var wasSet: Bool { isSet.load(ordering: .acquiring) }

  func set() {
    isSet.store(true, ordering: .releasing)
    var byte: UInt8 = 1
    _ = write(writing, &byte, 1)
  }
}
