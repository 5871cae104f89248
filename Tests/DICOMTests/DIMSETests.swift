import Testing

@testable import DICOM

@Suite struct DIMSETests {
  private func store() -> CommandSet {
    var command = CommandSet(.storeRequest, hasDataSet: true)
    command[number: .messageID] = 7
    command[number: .priority] = 0
    command[text: .affectedSOPClassUID] = "1.2.840.10008.5.1.4.1.1.2"
    command[text: .affectedSOPInstanceUID] = "1.2.3.4"
    command[text: .moveOriginatorAETitle] = "ODD"
    return command
  }

  @Test("a command is what it was, and its bytes are those of PS3.7") func roundTrip() throws {
    let command = store()
    #expect(try CommandSet(command.bytes) == command)
    #expect(command.field == .storeRequest)
    #expect(command.hasDataSet)
    #expect(command[text: .affectedSOPInstanceUID] == "1.2.3.4")
    #expect(command[text: .moveOriginatorAETitle] == "ODD")
    let bytes = command.bytes
    #expect(Array(bytes[0..<8]) == [0, 0, 0, 0, 4, 0, 0, 0])
    #expect(bytes[8..<12].reversed().reduce(0) { $0 << 8 | Int($1) } == bytes.count - 12)
    // The class's UID of 25 characters has a NUL behind it.
    #expect(Array(bytes[12..<20]) == [0, 0, 2, 0, 26, 0, 0, 0])
    #expect(bytes[12 + 8 + 25] == 0)
  }

  @Test("an answer names what it answers") func response() throws {
    let response = try #require(store().response(.outOfResources, comment: String(repeating: "x", count: 100)))
    #expect(response.field == .storeResponse)
    #expect(response[number: .messageIDBeingRespondedTo] == 7)
    #expect(response[number: .status] == 0xA700)
    #expect(response[text: .affectedSOPInstanceUID] == "1.2.3.4")
    #expect(response[text: .errorComment]?.count == 64)
    #expect(!response.hasDataSet)
    #expect(response.response(.success) == nil)
  }

  @Test(
    "a command that can't be read is an error",
    arguments: [
      ("within an element", [0, 0, 0, 1, 2, 0]), ("too long", [0, 0, 0, 1, 255, 255, 255, 255, 1, 0]),
      ("another group", [8, 0, 0, 1, 0, 0, 0, 0]), ("no command field", [0, 0, 0, 8, 2, 0, 0, 0, 1, 1]),
      ("no data set type", [0, 0, 0, 1, 2, 0, 0, 0, 1, 0]),
      ("out of order", [0, 0, 0, 8, 2, 0, 0, 0, 1, 1, 0, 0, 0, 1, 2, 0, 0, 0, 1, 0]), ("nothing", []),
    ] as [(String, [UInt8])])
  func malformed(_ given: (name: String, bytes: [UInt8])) {
    #expect(throws: DIMSEError.self) { try CommandSet(given.bytes) }
  }

  @Test("a message comes in pieces") func pieces() throws {
    let bytes = store().bytes
    var reader = DIMSEReader()
    func value(_ bytes: ArraySlice<UInt8>, command: Bool, last: Bool, context: UInt8 = 3) -> PresentationDataValue {
      PresentationDataValue(contextID: context, isCommand: command, isLast: last, bytes: bytes)
    }
    #expect(try reader.read(value(bytes[..<10], command: true, last: false)) == nil)
    #expect(!reader.isIdle)
    #expect(try reader.read(value(bytes[10...], command: true, last: true)) == .command(store(), contextID: 3))
    #expect(try reader.read(value([1, 2], command: false, last: false)) == .data([1, 2], isLast: false))
    #expect(try reader.read(value([3], command: false, last: true)) == .data([3], isLast: true))
    #expect(reader.isIdle)
    var echo = CommandSet(.echoRequest)
    echo[number: .messageID] = 8
    #expect(
      try reader.read(value(echo.bytes[...], command: true, last: true, context: 1)) == .command(echo, contextID: 1))
    #expect(reader.isIdle)
    #expect(throws: DIMSEError.self) { try reader.read(value([1], command: false, last: true)) }
  }

  @Test("what is out of place ends the association") func misplaced() throws {
    let bytes = store().bytes
    func reader() throws -> DIMSEReader {
      var reader = DIMSEReader()
      _ = try reader.read(PresentationDataValue(contextID: 3, isCommand: true, isLast: true, bytes: bytes[...]))
      return reader
    }
    for wrong in [
      PresentationDataValue(contextID: 5, isCommand: false, isLast: true, bytes: [1]),
      PresentationDataValue(contextID: 3, isCommand: true, isLast: true, bytes: bytes[...]),
    ] {
      var reader = try reader()
      #expect(throws: DIMSEError.self) { try reader.read(wrong) }
    }
    var endless = DIMSEReader()
    let large = [UInt8](repeating: 0, count: DIMSEReader.commandBytesMax)
    _ = try endless.read(PresentationDataValue(contextID: 1, isCommand: true, isLast: false, bytes: large[...]))
    #expect(throws: DIMSEError.self) {
      try endless.read(PresentationDataValue(contextID: 1, isCommand: true, isLast: false, bytes: [0]))
    }
  }

  @Test(
    "statuses have their classes",
    arguments: [
      (0x0000, .success), (0x0001, .warning), (0x0107, .warning), (0x0116, .warning), (0xB000, .warning),
      (0xB007, .warning), (0xA700, .failure), (0xA900, .failure), (0xC123, .failure), (0x0110, .failure),
      (0x0122, .failure), (0xFE00, .cancel), (0xFF00, .pending),
    ] as [(UInt16, DIMSEStatus.Class)])
  func statuses(_ given: (UInt16, DIMSEStatus.Class)) {
    #expect(DIMSEStatus(given.0).statusClass == given.1)
  }
}
