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

  /// Written to on the worker alone.
  private final class Staged: @unchecked Sendable {
    var writer: (any ContentWriter)?
    var failure: StagingError?

    func write(_ place: Place, _ bytes: ArraySlice<UInt8>) {
      guard failure == nil else { return }
      do throws(StagingError) {
        if writer == nil { writer = try place.inbox.stage() }
        try writer?.append(bytes)
      } catch {
        (failure, writer) = (error, nil)
      }
    }

    func end() -> Outcome {
      do throws(StagingError) {
        if let failure { throw failure }
        guard let writer else { throw StagingError("nothing was written") }
        return .whole(Payload(format: .dicom, content: .blob(try writer.finish())))
      } catch {
        return .notKept(error)
      }
    }
  }

  private let place: Place
  private var bytes: [UInt8]
  private var byteCount: Int
  private var staged: Staged?
  /// What was handed to the worker and is not written yet.
  private(set) var unwrittenCount = 0
  /// Called on the loop when some of it was.
  private let whenWritten: () -> Void

  /// - Parameter head: what stands in front of the data set.
  init(_ place: Place, head: [UInt8], whenWritten: @escaping () -> Void) {
    self.place = place
    self.whenWritten = whenWritten
    bytes = head
    byteCount = head.count
  }

  private var isTooLarge: Bool { byteCount > place.bytesMax }

  func append(_ piece: ArraySlice<UInt8>) {
    byteCount += piece.count
    if isTooLarge {
      (bytes, staged) = ([], nil)
      return
    }
    if staged == nil, bytes.count + piece.count < LargeContent.bytesMin {
      bytes.append(contentsOf: piece)
      return
    }
    if let staged { return write(piece, staged) }
    let staged = Staged()
    self.staged = staged
    write(bytes[...], staged)
    bytes = []
    write(piece, staged)
  }

  private func write(_ piece: ArraySlice<UInt8>, _ staged: Staged) {
    unwrittenCount += piece.count
    let isolated = NIOLoopBound(self, eventLoop: place.loop)
    place.worker.async { [place] in
      staged.write(place, piece)
      place.loop.execute {
        isolated.value.unwrittenCount -= piece.count
        isolated.value.whenWritten()
      }
    }
  }

  /// Nothing more comes. `then` is called on the loop.
  func finish(_ then: @escaping (Outcome) -> Void) {
    if isTooLarge { return then(.tooLarge) }
    guard let staged else { return then(.whole(Payload(.dicom, bytes))) }
    let then = NIOLoopBound(then, eventLoop: place.loop)
    place.worker.async { [place] in
      let outcome = staged.end()
      place.loop.execute { then.value(outcome) }
    }
  }
}
