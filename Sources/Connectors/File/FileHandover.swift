import ConnectorKit
import Dispatch
import Messages
import Synchronization

/// A file whose messages are being handed over.
struct FileTaken {
  struct Refusal {
    /// Counts from 1.
    let message: Int
    let rejection: Rejection
  }

  let name: FileName
  let facts: FileFacts
  let bytes: [UInt8]
  /// Where each message stands in the bytes.
  let messages: [Range<Int>]
  var answered = 0
  var refusals: [Refusal] = []
}

/// Hands over the messages of files through one origin, several ahead of their receipts, and says of each file when all
/// its messages are answered. Lives on the source's thread; receipts come on whatever thread the engine has.
final class FileHandover {
  /// How far ahead of its receipts a source is. What is read and not yet durable is in memory.
  private static let aheadMax = 64
  private static let aheadBytesMax = 8 << 20

  private let origin: any Origin
  private let receipts = Receipts()
  /// In the order in which their messages were offered.
  private var files: [FileTaken] = []
  private var sizes: [Int] = []
  private var bytesAhead = 0
  /// Why the engine takes nothing more through this origin.
  private(set) var unavailable: String?

  init(_ origin: any Origin) { self.origin = origin }

  var isAhead: Bool { !sizes.isEmpty }
  var isFull: Bool { sizes.count >= Self.aheadMax || bytesAhead >= Self.aheadBytesMax }

  func begin(_ file: FileTaken) { files.append(file) }

  /// Offers the next message of the file that was begun last.
  func offer(_ arrival: Arrival) {
    let size = arrival.payload.byteCount
    sizes.append(size)
    bytesAhead += size
    origin.offer(arrival) { [receipts] in receipts.add($0) }
  }

  /// Waits for the next receipt. Gives the file to which it belongs when it was the last for it.
  func awaitReceipt() -> FileTaken? {
    let receipt = receipts.next()
    bytesAhead -= sizes.removeFirst()
    guard unavailable == nil, !files.isEmpty else { return nil }
    files[0].answered += 1
    switch receipt {
    case .accepted, .failed, .duplicate: break
    case .rejected(let rejection):
      files[0].refusals.append(FileTaken.Refusal(message: files[0].answered, rejection: rejection))
    case .unavailable(let reason):
      unavailable = reason
      return nil
    }
    return files[0].answered == files[0].messages.count ? files.removeFirst() : nil
  }

  /// Receipts in the order in which they came, which is the order of the offers.
  private final class Receipts: Sendable {
    private let waiting = Mutex<[Receipt]>([])
    private let count = DispatchSemaphore(value: 0)

    func add(_ receipt: Receipt) {
      waiting.withLock { $0.append(receipt) }
      count.signal()
    }

    func next() -> Receipt {
      count.wait()
      return waiting.withLock { $0.removeFirst() }
    }
  }
}
