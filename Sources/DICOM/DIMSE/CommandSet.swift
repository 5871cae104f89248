/// The command of a DIMSE message (PS3.7 6.3.1 and annex E): always in implicit little endian, whatever was agreed on.
package struct CommandSet: Sendable, Hashable {
  /// Elements of group 0000 (PS3.7 annex E.1).
  package enum Element: UInt16, Sendable, CaseIterable {
    case groupLength = 0x0000
    case affectedSOPClassUID = 0x0002
    case requestedSOPClassUID = 0x0003
    case commandField = 0x0100
    case messageID = 0x0110
    case messageIDBeingRespondedTo = 0x0120
    case moveDestination = 0x0600
    case priority = 0x0700
    case commandDataSetType = 0x0800
    case status = 0x0900
    case offendingElement = 0x0901
    case errorComment = 0x0902
    case errorID = 0x0903
    case affectedSOPInstanceUID = 0x1000
    case requestedSOPInstanceUID = 0x1001
    case eventTypeID = 0x1002
    case attributeIdentifierList = 0x1005
    case actionTypeID = 0x1008
    case remainingSuboperations = 0x1020
    case completedSuboperations = 0x1021
    case failedSuboperations = 0x1022
    case warningSuboperations = 0x1023
    case moveOriginatorAETitle = 0x1030
    case moveOriginatorMessageID = 0x1031
  }

  /// What is asked or answered (PS3.7 annex E.1); an answer is its request with 8000H.
  package enum Field: UInt16, Sendable, CaseIterable {
    case storeRequest = 0x0001
    case storeResponse = 0x8001
    case getRequest = 0x0010
    case getResponse = 0x8010
    case findRequest = 0x0020
    case findResponse = 0x8020
    case moveRequest = 0x0021
    case moveResponse = 0x8021
    case echoRequest = 0x0030
    case echoResponse = 0x8030
    case eventReportRequest = 0x0100
    case eventReportResponse = 0x8100
    case nGetRequest = 0x0110
    case nGetResponse = 0x8110
    case nSetRequest = 0x0120
    case nSetResponse = 0x8120
    case actionRequest = 0x0130
    case actionResponse = 0x8130
    case createRequest = 0x0140
    case createResponse = 0x8140
    case deleteRequest = 0x0150
    case deleteResponse = 0x8150
    case cancelRequest = 0x0FFF

    package var isResponse: Bool { rawValue & 0x8000 != 0 }
    package var response: Field? { isResponse ? nil : Field(rawValue: rawValue | 0x8000) }
  }

  /// No data set follows (PS3.7 E.1): any other number says that one does.
  private static let noDataSet: UInt16 = 0x0101

  /// By element, as they stand in the bytes; texts padded to an even length.
  private var values: [UInt16: [UInt8]] = [:]

  package init(_ field: Field, hasDataSet: Bool = false) {
    self[number: .commandField] = field.rawValue
    self[number: .commandDataSetType] = hasDataSet ? 0x0000 : Self.noDataSet
  }

  /// `nil` for a number that PS3.7 doesn't have.
  package var field: Field? { self[number: .commandField].flatMap { Field(rawValue: $0) } }

  package var hasDataSet: Bool { self[number: .commandDataSetType] != Self.noDataSet }

  /// Of type US.
  package subscript(number element: Element) -> UInt16? {
    get {
      guard let value = values[element.rawValue], value.count == 2 else { return nil }
      return value.uint16(at: 0, isBigEndian: false)
    }
    set { values[element.rawValue] = newValue.map { [UInt8($0 & 0xFF), UInt8($0 >> 8)] } }
  }

  /// Of type UI, AE or LO, without what pads it.
  package subscript(text element: Element) -> String? {
    get {
      guard let value = values[element.rawValue] else { return nil }
      // As LT, whose padding stands behind alone: what is in front of a UID makes it none.
      return DICOMText.shown(DICOMText.trimmed(value[...], .lt))
    }
    set {
      values[element.rawValue] = newValue.map { text in
        // UI is padded with a NUL, the others with a space (PS3.5 6.2).
        let isUID = [.affectedSOPClassUID, .requestedSOPClassUID, .affectedSOPInstanceUID, .requestedSOPInstanceUID]
          .contains(element)
        let bytes = Array(text.utf8)
        return bytes.count % 2 == 0 ? bytes : bytes + [isUID ? 0 : 0x20]
      }
    }
  }

  // MARK: Bytes

  /// A command is read to its end.
  ///
  /// - Throws: what is wrong. Elements that are not of PS3.7 are passed over.
  package init(_ bytes: [UInt8]) throws(DIMSEError) {
    var position = 0
    var last = -1
    while position < bytes.count {
      guard bytes.count - position >= 8 else { throw DIMSEError("a command set ends within an element") }
      let group = Int(bytes.uint16(at: position, isBigEndian: false))
      let element = Int(bytes.uint16(at: position + 2, isBigEndian: false))
      let length = Int(bytes.uint32(at: position + 4, isBigEndian: false))
      position += 8
      guard group == 0 else { throw DIMSEError("a command set holds an element of group \(DIMSEError.hex(group))") }
      guard element > last else { throw DIMSEError("the elements of a command set are out of order") }
      guard length <= bytes.count - position else {
        throw DIMSEError("element (0000,\(DIMSEError.hex(element))) is longer than its command set")
      }
      last = element
      // The group's length is written anew, and what is there says itself how long it is.
      if element != Element.groupLength.rawValue {
        values[UInt16(element)] = Array(bytes[position..<position + length])
      }
      position += length
    }
    guard self[number: .commandField] != nil else { throw DIMSEError("a command set without a command field") }
    guard self[number: .commandDataSetType] != nil else {
      throw DIMSEError("a command set that doesn't say whether a data set follows")
    }
  }

  package var bytes: [UInt8] {
    var body: [UInt8] = []
    for (element, value) in values.sorted(by: { $0.key < $1.key }) {
      body += Self.header(element, value.count)
      body += value
    }
    var bytes = Self.header(Element.groupLength.rawValue, 4)
    bytes.append(uint32: UInt32(body.count), isBigEndian: false)
    return bytes + body
  }

  private static func header(_ element: UInt16, _ length: Int) -> [UInt8] {
    DICOMEncoder.header(DICOMTag(0, element), .un, length: length, .implicitLittle)
  }

  // MARK: Answers

  /// The answer to this request, without a data set.
  ///
  /// - Returns: `nil` where this is no request, or has no number to answer to.
  package func response(_ status: DIMSEStatus, comment: String? = nil) -> CommandSet? {
    guard let answer = field?.response, let id = self[number: .messageID] else { return nil }
    var response = CommandSet(answer)
    response[number: .messageIDBeingRespondedTo] = id
    response[number: .status] = status.code
    response[text: .affectedSOPClassUID] = self[text: .affectedSOPClassUID] ?? self[text: .requestedSOPClassUID]
    response[text: .affectedSOPInstanceUID] =
      self[text: .affectedSOPInstanceUID] ?? self[text: .requestedSOPInstanceUID]
    // LO: at most 64 characters.
    if let comment { response[text: .errorComment] = String(comment.prefix(64)) }
    return response
  }
}

/// What a peer's message has wrong: the association can't go on.
package struct DIMSEError: Error, Hashable, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }

  static func hex(_ number: Int) -> String {
    let digits = String(number, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
