import ConnectorKit
import Dispatch
import Messages
import NIOCore
import Synchronization

/// The bytes of one object as they come: in memory, or, where there are many, on disk.
///
/// Lives on its association's event loop; what it writes, it writes on a thread that may wait.
final class DICOMIntake {
  /// Where an association's objects are written, one after the other.
  struct Place: Sendable {
    let inbox: any Inbox
    let worker: DispatchQueue
    let loop: any EventLoop
    let bytesMax: Int
  }

  enum Outcome: Sendable {
    case whole(Payload)
    /// It has more than `bytesMax`.
    case tooLarge
    case notKept(StagingError)
  }

  /// From so many bytes on it is written while more comes. Earlier than a payload must be a file: hashing, sealing and
  /// writing go beside receiving, and of most objects there is more.
  private static let inMemoryBytesMax = 64 << 10

  private let place: Place
  private var bytes: [UInt8]
  private var byteCount: Int
  private var staged: StagedObject?

  /// - Parameter head: what stands in front of the data set.
  init(_ place: Place, head: [UInt8]) {
    self.place = place
    bytes = head
    byteCount = head.count
  }

  private var isTooLarge: Bool { byteCount > place.bytesMax }

  func append(_ piece: ArraySlice<UInt8>) {
    byteCount += piece.count
    if isTooLarge {
      (bytes, staged) = ([], nil)
    } else if let staged {
      staged.add(piece)
    } else if bytes.count + piece.count < Self.inMemoryBytesMax {
      bytes.append(contentsOf: piece)
    } else {
      let staged = StagedObject(place)
      self.staged = staged
      staged.add(bytes[...])
      staged.add(piece)
      bytes = []
    }
  }

  /// Whether so much waits for the disk that the sender has to wait. Then `then` is called on the loop when it doesn't
  /// any more.
  func isBehind(_ then: @escaping @Sendable () -> Void) -> Bool { staged?.isBehind(then) ?? false }

  /// Nothing more comes. `then` is called on the worker, after what was handed to it before.
  func finish(_ then: @escaping @Sendable (Outcome) -> Void) {
    let outcome: Outcome = isTooLarge ? .tooLarge : .whole(Payload(.dicom, bytes))
    place.worker.async { [staged] in then(staged?.end() ?? outcome) }
  }
}

/// Writes an object on the worker while more of it comes.
private final class StagedObject: Sendable {
  /// What may wait for the disk before the sender is made to wait, and until how little it waits.
  private static let waitingBytesMax = 4 << 20
  private static let goOnBytes = 1 << 20

  private struct State {
    var waiting: [ArraySlice<UInt8>] = []
    var waitingBytes = 0
    var isWorking = false
    var whenLess: (@Sendable () -> Void)?
  }

  /// Touched on the worker alone.
  private struct Written {
    var writer: (any ContentWriter)?
    var failure: StagingError?
  }

  private let place: DICOMIntake.Place
  private let state = Mutex(State())
  private nonisolated(unsafe) var written = Written()

  init(_ place: DICOMIntake.Place) { self.place = place }

  func add(_ piece: ArraySlice<UInt8>) {
    let begins = state.withLock { state in
      state.waiting.append(piece)
      state.waitingBytes += piece.count
      defer { state.isWorking = true }
      return !state.isWorking
    }
    if begins { place.worker.async { self.work() } }
  }

  func isBehind(_ then: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      guard state.waitingBytes > Self.waitingBytesMax else { return false }
      state.whenLess = then
      return true
    }
  }

  private func work() {
    while true {
      let pieces = state.withLock { state in
        state.isWorking = !state.waiting.isEmpty
        defer { state.waiting = [] }
        return state.waiting
      }
      if pieces.isEmpty { return }
      for piece in pieces {
        write(piece)
        let whenLess = state.withLock { state in
          state.waitingBytes -= piece.count
          guard state.waitingBytes < Self.goOnBytes else { return nil as (@Sendable () -> Void)? }
          defer { state.whenLess = nil }
          return state.whenLess
        }
        if let whenLess { place.loop.execute(whenLess) }
      }
    }
  }

  private func write(_ piece: ArraySlice<UInt8>) {
    guard written.failure == nil else { return }
    do throws(StagingError) {
      if written.writer == nil { written.writer = try place.inbox.stage() }
      try written.writer?.append(piece)
    } catch {
      written = Written(failure: error)
    }
  }

  /// On the worker.
  func end() -> DICOMIntake.Outcome {
    work()
    do throws(StagingError) {
      if let failure = written.failure { throw failure }
      guard let writer = written.writer else { throw StagingError("nothing was written") }
      return .whole(Payload(format: .dicom, content: .blob(try writer.finish())))
    } catch {
      return .notKept(error)
    }
  }
}
