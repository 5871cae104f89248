/// What is asked for (PS3.7 9.3 and 10.3). A message's number is unique among those that wait for their answer.
extension CommandSet {
  package static func echo(messageID: UInt16) -> CommandSet {
    var command = CommandSet(.echoRequest)
    command[number: .messageID] = messageID
    command[text: .affectedSOPClassUID] = DICOMUID.verification
    return command
  }

  package static func store(messageID: UInt16, sopClass: String, sopInstance: String) -> CommandSet {
    var command = CommandSet(.storeRequest, hasDataSet: true)
    command[number: .messageID] = messageID
    command[number: .priority] = 0
    command[text: .affectedSOPClassUID] = sopClass
    command[text: .affectedSOPInstanceUID] = sopInstance
    return command
  }

  /// Asks for storage commitment (PS3.4 annex J.3.2).
  package static func commitment(messageID: UInt16) -> CommandSet {
    var command = CommandSet(.actionRequest, hasDataSet: true)
    command[number: .messageID] = messageID
    command[text: .requestedSOPClassUID] = DICOMUID.storageCommitment
    command[text: .requestedSOPInstanceUID] = DICOMUID.storageCommitmentInstance
    command[number: .actionTypeID] = 1
    return command
  }

  /// Says what was committed (PS3.4 annex J.3.3).
  package static func commitmentReport(messageID: UInt16, hasFailures: Bool) -> CommandSet {
    var command = CommandSet(.eventReportRequest, hasDataSet: true)
    command[number: .messageID] = messageID
    command[text: .affectedSOPClassUID] = DICOMUID.storageCommitment
    command[text: .affectedSOPInstanceUID] = DICOMUID.storageCommitmentInstance
    command[number: .eventTypeID] = hasFailures ? 2 : 1
    return command
  }
}

/// Those of PS3.4 that the program itself speaks of.
extension DICOMUID {
  package static let verification = "1.2.840.10008.1.1"
  package static let storageCommitment = "1.2.840.10008.1.20.1"
  package static let storageCommitmentInstance = "1.2.840.10008.1.20.1.1"
}
