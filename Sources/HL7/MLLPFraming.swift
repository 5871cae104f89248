import Text

/// The frames of the Minimal Lower Layer Protocol in a stream of bytes: VT, message, FS, CR (HL7 v2.9 appendix C).
///
/// A pure machine for one direction of one connection: bytes in, actions out, no I/O. How the stream is cut into reads
/// makes no difference. After a violation or an oversized frame it takes nothing more: the connection is to be closed.
package struct MLLPFraming: Sendable {
  package static let startBlock: UInt8 = 0x0B
  package static let endBlock: UInt8 = 0x1C
  package static let carriageReturn: UInt8 = 0x0D
  /// As much of an oversized frame is kept as its MSH may need, so that the refusal can name the message.
  package static let headBytesMax = 8_192

  package struct Options: Sendable, Hashable {
    /// The most that a frame may hold, without VT, FS and CR.
    package var frameBytesMax: Int
    /// Whether CR must follow FS. Where it need not, a frame is given out at its FS.
    package var returnRequired: Bool
    /// The most that is passed over between two frames.
    package var junkBytesMax: Int

    package init(
      frameBytesMax: Int = 64 * 1_048_576, returnRequired: Bool = true, junkBytesMax: Int = 65_536
    ) {
      self.frameBytesMax = frameBytesMax
      self.returnRequired = returnRequired
      self.junkBytesMax = junkBytesMax
    }
  }

  package enum Violation: Error, Hashable, CustomStringConvertible {
    /// The first bytes are another protocol's.
    case http, tls, dicom
    /// VT within a frame: the frame before it was never ended.
    case startInsideFrame
    /// FS without a VT before it.
    case endWithoutStart
    /// FS followed by something else than CR.
    case endWithoutReturn
    /// More between frames than is passed over.
    case junk(byteCountMax: Int)

    package var description: String {
      switch self {
      case .http: "HTTP on an MLLP port"
      case .tls: "TLS on an MLLP port that is not set up for it"
      case .dicom: "DICOM on an MLLP port"
      case .startInsideFrame: "a frame began inside a frame"
      case .endWithoutStart: "a frame ended that had not begun with VT"
      case .endWithoutReturn: "FS was not followed by CR"
      case .junk(let byteCountMax): "more than \(byteCountMax) bytes outside of frames"
      }
    }
  }

  package enum Action: Sendable, Hashable {
    /// A message, without VT, FS and CR. It may be empty.
    case frame([UInt8])
    /// Bytes outside of frames were passed over.
    case junk(byteCount: Int)
    /// To be closed, without an answer.
    case violation(Violation)
    /// The frame is longer than allowed. `head` is its start; to be answered where MSH can be read, and closed.
    case oversize(head: [UInt8])
    /// The stream ended within a frame that holds so many bytes.
    case partial(byteCount: Int)
  }

  private enum State: Sendable {
    case outside
    case inside
    /// FS was seen, CR is awaited.
    case ended
    /// A frame was given out at its FS; a CR that follows belongs to it.
    case optionalReturn
    case closed
  }

  package let options: Options
  private var state = State.outside
  private var buffer: [UInt8] = []
  private var junkByteCount = 0
  /// The first bytes of the stream, until it is clear that they are not another protocol's.
  private var opening: [UInt8]? = []

  package init(_ options: Options = Options()) { self.options = options }

  /// Whether a frame has begun and not ended: a time-out for the frame runs.
  package var isInsideFrame: Bool { state == .inside || state == .ended }
  /// Whether nothing more is taken.
  package var isClosed: Bool { state == .closed }

  /// Takes bytes that were read.
  package mutating func receive(_ bytes: UnsafeRawBufferPointer) -> [Action] {
    var actions: [Action] = []
    var index = 0
    while index < bytes.count, state != .closed {
      switch state {
      case .outside: index = passOver(bytes, from: index, &actions)
      case .inside: index = collect(bytes, from: index, &actions)
      case .ended:
        if bytes[index] == Self.carriageReturn {
          giveOut(&actions)
          state = .outside
          index += 1
        } else {
          close(.violation(.endWithoutReturn), &actions)
        }
      case .optionalReturn:
        if bytes[index] == Self.carriageReturn { index += 1 }
        state = .outside
      case .closed: break
      }
    }
    return actions
  }

  /// Takes bytes that were read.
  package mutating func receive(_ bytes: some Collection<UInt8>) -> [Action] {
    if let actions = bytes.withContiguousStorageIfAvailable({ receive(UnsafeRawBufferPointer($0)) }) { return actions }
    return Array(bytes).withUnsafeBytes { receive($0) }
  }

  /// The stream has ended.
  package mutating func finish() -> [Action] {
    var actions: [Action] = []
    switch state {
    case .inside, .ended: actions.append(.partial(byteCount: buffer.count))
    case .outside, .optionalReturn: giveOutJunk(&actions)
    case .closed: break
    }
    state = .closed
    buffer = []
    return actions
  }

  private mutating func passOver(_ bytes: UnsafeRawBufferPointer, from start: Int, _ actions: inout [Action]) -> Int {
    var index = start
    while index < bytes.count {
      let byte = bytes[index]
      if byte == Self.startBlock {
        opening = nil
        giveOutJunk(&actions)
        state = .inside
        return index + 1
      }
      if let protocolFound = foreignProtocol(byte) {
        close(.violation(protocolFound), &actions)
        return bytes.count
      }
      if byte == Self.endBlock {
        close(.violation(.endWithoutStart), &actions)
        return bytes.count
      }
      junkByteCount += 1
      if junkByteCount > options.junkBytesMax {
        close(.violation(.junk(byteCountMax: options.junkBytesMax)), &actions)
        return bytes.count
      }
      index += 1
    }
    return index
  }

  private mutating func collect(_ bytes: UnsafeRawBufferPointer, from start: Int, _ actions: inout [Action]) -> Int {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
    let end = rest.offset(of: Self.endBlock) ?? rest.count
    let content = UnsafeRawBufferPointer(rebasing: rest[..<end])
    // VT is a mistake wherever it stands, but only what stands before it counts against the limit.
    let secondStart = content.offset(of: Self.startBlock)
    let room = options.frameBytesMax - buffer.count
    let taken = secondStart ?? content.count
    if taken > room {
      let head = Self.headBytesMax - buffer.count
      if head > 0 { buffer.append(contentsOf: content[..<min(taken, room + 1, head)]) }
      close(.oversize(head: Array(buffer.prefix(Self.headBytesMax))), &actions)
      return bytes.count
    }
    if secondStart != nil {
      close(.violation(.startInsideFrame), &actions)
      return bytes.count
    }
    buffer.append(contentsOf: content)
    guard end < rest.count else { return bytes.count }
    if options.returnRequired {
      state = .ended
    } else {
      giveOut(&actions)
      state = .optionalReturn
    }
    return start + end + 1
  }

  private mutating func giveOut(_ actions: inout [Action]) {
    actions.append(.frame(buffer))
    buffer = []
  }

  private mutating func giveOutJunk(_ actions: inout [Action]) {
    if junkByteCount > 0 { actions.append(.junk(byteCount: junkByteCount)) }
    junkByteCount = 0
  }

  private mutating func close(_ action: Action, _ actions: inout [Action]) {
    giveOutJunk(&actions)
    actions.append(action)
    state = .closed
    buffer = []
  }

  /// Looks at the first bytes of the stream for what other protocols begin with.
  private mutating func foreignProtocol(_ byte: UInt8) -> Violation? {
    guard var opening else { return nil }
    opening.append(byte)
    self.opening = opening.count < 4 ? opening : nil
    switch opening.count {
    case 2:
      // A TLS record of a handshake; an A-ASSOCIATE-RQ of DICOM's upper layer.
      if opening == [0x16, 0x03] { return .tls }
      if opening == [0x01, 0x00] { return .dicom }
    case 4:
      let methods = ["GET ", "POST", "PUT ", "HEAD", "OPTI", "CONN", "DELE", "PATC", "PRI "]
      if methods.contains(String(decoding: opening, as: UTF8.self)) { return .http }
    default: break
    }
    return nil
  }
}

extension MLLPFraming {
  /// Why bytes can't be framed: at this offset stands VT or FS, which would end the frame early.
  package struct EncodingError: Error, Hashable, CustomStringConvertible {
    package let offset: Int
    package var description: String { "the message holds VT or FS at byte \(offset) and can't be framed" }
  }

  /// A message as a frame.
  package static func frame(_ message: [UInt8]) throws(EncodingError) -> [UInt8] {
    if let offset = message.firstIndex(where: { $0 == startBlock || $0 == endBlock }) {
      throw EncodingError(offset: offset)
    }
    var frame: [UInt8] = []
    frame.reserveCapacity(message.count + 3)
    frame.append(startBlock)
    frame.append(contentsOf: message)
    frame.append(endBlock)
    frame.append(carriageReturn)
    return frame
  }
}

extension MLLPFraming.Action: CustomStringConvertible, CustomReflectable {
  /// The kind and the size; never content.
  package var description: String {
    switch self {
    case .frame(let bytes): "a frame of \(bytes.count) bytes"
    case .junk(let byteCount): "\(byteCount) bytes outside of frames"
    case .violation(let violation): violation.description
    case .oversize(let head): "a frame that is too long, its first \(head.count) bytes kept"
    case .partial(let byteCount): "the end of the stream within a frame of \(byteCount) bytes"
    }
  }
  package var customMirror: Mirror { Mirror(self, children: ["action": description]) }
}
