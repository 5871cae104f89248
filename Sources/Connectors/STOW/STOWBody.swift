import DICOM
import Dispatch
import NIOCore
import Synchronization

/// The body of a request: one object as a part of `multipart/related` (PS3.18 8.6.1.2), read as it is sent.
struct STOWBody: AsyncSequence, Sendable {
  typealias Element = ByteBuffer

  /// How far a request has got.
  final class Progress: Sendable {
    private let state = Mutex((hasBegun: false, isWhole: false, isOver: false))
    private let patience: Patience

    init(_ patience: Patience) { self.patience = patience }

    /// Bytes may have left.
    var hasBegun: Bool { state.withLock { $0.hasBegun } }
    /// All bytes were given away.
    var isWhole: Bool { state.withLock { $0.isWhole } }

    func sending(isLast: Bool) throws {
      try state.withLock { state in
        if state.isOver { throw CancellationError() }
        (state.hasBegun, state.isWhole) = (true, isLast)
      }
      patience.step()
    }

    /// The request has been answered, or given up: who answers early gets nothing more of the object.
    func end() { state.withLock { $0.isOver = true } }
  }

  private static let pieceBytes = 256 << 10

  let contentType: String
  /// Of the object and what stands around it: a server is told it before, because many take nothing else.
  let byteCount: Int
  var sopInstance: String { object.sopInstance }
  private let object: DICOMOutgoing
  private let head: [UInt8]
  private let tail: [UInt8]
  private let progress: Progress
  private let worker: DispatchQueue

  /// - Parameter worker: where the object is read.
  init(_ object: DICOMOutgoing, progress: Progress, worker: DispatchQueue) throws {
    // 128 random bits: what has just been drawn stands in no object.
    let random: [UInt64] = [.random(in: 0 ... .max), .random(in: 0 ... .max)]
    let boundary = "hilum-" + random.map { String($0, radix: 16) }.joined(separator: "-")
    contentType = "multipart/related; type=\"application/dicom\"; boundary=\(boundary)"
    head = Array("--\(boundary)\r\nContent-Type: application/dicom\r\n\r\n".utf8) + (try object.fileHead())
    tail = Array("\r\n--\(boundary)--\r\n".utf8)
    byteCount = head.count + object.dataSetBytes + tail.count
    self.object = object
    self.progress = progress
    self.worker = worker
  }

  func makeAsyncIterator() -> Iterator { Iterator(body: self) }

  struct Iterator: AsyncIteratorProtocol {
    private enum Phase { case head, object, tail, over }

    fileprivate let body: STOWBody
    private var phase = Phase.head

    fileprivate init(body: STOWBody) { self.body = body }

    mutating func next() async throws -> ByteBuffer? {
      switch phase {
      case .head:
        phase = .object
        try body.progress.sending(isLast: false)
        return ByteBuffer(bytes: body.head)
      case .object:
        let (piece, isLast) = try await read()
        if isLast { phase = .tail }
        try body.progress.sending(isLast: false)
        return piece
      case .tail:
        phase = .over
        try body.progress.sending(isLast: true)
        return ByteBuffer(bytes: body.tail)
      case .over:
        return nil
      }
    }

    /// On a thread that may wait for the disk.
    private func read() async throws -> (piece: ByteBuffer, isLast: Bool) {
      let object = body.object
      return try await withCheckedThrowingContinuation { continuation in
        body.worker.async { continuation.resume(with: Result { try object.next(STOWBody.pieceBytes) }) }
      }
    }
  }
}
