/// Reads the PDUs of one direction of one connection from bytes that come in pieces of any size (PS3.8 9.3).
///
/// Nothing is set aside for a length before its bytes are there, and no more is kept than a PDU may have. What a PDU
/// has wrong is the peer's mistake: the association is to be aborted for it. After that nothing more is read.
package struct PDUReader: Sendable {
  package struct Limits: Sendable, Hashable {
    /// The longest P-DATA-TF, without its first six bytes: what was told to the peer.
    package var dataBytesMax: Int
    /// The longest of the others. 128 contexts with 30 transfer syntaxes each take some 150 KB.
    package var associateBytesMax: Int

    package init(dataBytesMax: Int = 1 << 17, associateBytesMax: Int = 1 << 20) {
      self.dataBytesMax = dataBytesMax
      self.associateBytesMax = associateBytesMax
    }
  }

  package let limits: Limits
  private var buffer: [UInt8] = []
  /// What of the buffer was read.
  private var position = 0
  private var isBroken = false

  package init(_ limits: Limits = Limits()) { self.limits = limits }

  /// How many bytes wait for the rest of their PDU.
  package var waitingCount: Int { buffer.count - position }

  package mutating func append(_ bytes: some Collection<UInt8>) {
    if isBroken { return }
    if position == buffer.count {
      buffer.removeAll(keepingCapacity: true)
      position = 0
    } else if position > 1 << 16 {
      buffer.removeFirst(position)
      position = 0
    }
    buffer.append(contentsOf: bytes)
  }

  /// The next PDU; `nil` until all of it is there.
  package mutating func next() throws(PDUError) -> PDU? {
    if isBroken { return nil }
    do {
      return try read()
    } catch {
      isBroken = true
      buffer = []
      position = 0
      throw error
    }
  }

  private mutating func read() throws(PDUError) -> PDU? {
    guard waitingCount >= 1 else { return nil }
    guard let kind = PDU.Kind(rawValue: buffer[position]) else {
      throw PDUError(.unrecognizedPDU, "its type \(buffer[position]) is none of PS3.8")
    }
    guard waitingCount >= 6 else { return nil }
    let length = buffer[position + 2..<position + 6].reduce(0) { $0 << 8 | Int($1) }
    try check(length, of: kind)
    guard waitingCount >= 6 + length else { return nil }
    let start = position + 6
    var body = PDUItemReader(buffer[start..<start + length], of: kind)
    position = start + length
    switch kind {
    case .associateRequest: return .associateRequest(try body.associateRequest())
    case .associateAccept: return .associateAccept(try body.associateAccept())
    case .associateReject: return .associateReject(try body.associateReject())
    case .data: return .data(try body.dataValues())
    // What stands in their four bytes «shall not be tested».
    case .releaseRequest: return .releaseRequest
    case .releaseReply: return .releaseReply
    case .abort: return .abort(try body.abort())
    }
  }

  private func check(_ length: Int, of kind: PDU.Kind) throws(PDUError) {
    switch kind {
    case .data:
      guard length <= limits.dataBytesMax else {
        throw PDUError(
          .invalidParameter,
          "a P-DATA-TF of \(length) bytes is longer than the \(limits.dataBytesMax) that were agreed on")
      }
      guard length >= 6 else { throw PDUError(.invalidParameter, "a P-DATA-TF of \(length) bytes holds nothing") }
    case .associateRequest, .associateAccept:
      guard length <= limits.associateBytesMax else {
        throw PDUError(.invalidParameter, "an \(kind.name) of \(length) bytes is longer than any that is read")
      }
      guard length >= 68 else { throw PDUError(.invalidParameter, "an \(kind.name) of \(length) bytes is too short") }
    case .associateReject, .releaseRequest, .releaseReply, .abort:
      guard length == 4 else {
        throw PDUError(.invalidParameter, "an \(kind.name) has 4 bytes, and this has \(length)")
      }
    }
  }
}

/// Why bytes are no PDU that can be read: what of it, and the reason that an A-ABORT gives.
package struct PDUError: Error, Hashable, CustomStringConvertible {
  package let reason: Abort.Reason
  package let description: String

  init(_ reason: Abort.Reason, _ description: String) {
    self.reason = reason
    self.description = description
  }
}
