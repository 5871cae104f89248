/// Puts messages of DIMSE together from presentation data values (PS3.8 annex E, PS3.7 6.3): a command, and the pieces
/// of its data set as they come. Nothing of a data set is kept.
package struct DIMSEReader: Sendable {
  package enum Event: Sendable, Hashable {
    case command(CommandSet, contextID: UInt8)
    /// The next piece of the data set that the last command announced.
    case data(ArraySlice<UInt8>, isLast: Bool)

    package static func == (a: Event, b: Event) -> Bool {
      switch (a, b) {
      case (.command(let one, let first), .command(let other, let second)): one == other && first == second
      case (.data(let one, let first), .data(let other, let second)): one.elementsEqual(other) && first == second
      default: false
      }
    }
  }

  /// The longest command that is read; those of PS3.7 have a few hundred bytes.
  package static let commandBytesMax = 1 << 16

  private var command: [UInt8] = []
  /// The context of the message at hand.
  private var contextID: UInt8?
  private var awaitsData = false

  package init() {}

  /// Between two messages.
  package var isIdle: Bool { contextID == nil }

  package mutating func read(_ value: PresentationDataValue) throws(DIMSEError) -> Event? {
    if let contextID, contextID != value.contextID {
      throw DIMSEError("a message of context \(contextID) goes on in context \(value.contextID)")
    }
    guard value.isCommand else {
      guard awaitsData else { throw DIMSEError("a data set without a command that announces it") }
      if value.isLast {
        awaitsData = false
        contextID = nil
      }
      return .data(value.bytes, isLast: value.isLast)
    }
    if awaitsData { throw DIMSEError("a command within a data set") }
    guard command.count + value.bytes.count <= Self.commandBytesMax else {
      throw DIMSEError("a command set of more than \(Self.commandBytesMax) bytes")
    }
    contextID = value.contextID
    command += value.bytes
    guard value.isLast else { return nil }
    let whole = try CommandSet(command)
    command = []
    awaitsData = whole.hasDataSet
    if !awaitsData { contextID = nil }
    return .command(whole, contextID: value.contextID)
  }
}
