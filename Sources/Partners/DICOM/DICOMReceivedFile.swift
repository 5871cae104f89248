internal import DICOM
internal import Glibc

/// A file of PS3.10 that is being written as its data set comes. Its name is the receiver's own: nothing that a
/// stranger sends becomes a path. What isn't finished goes again.
final class DICOMReceivedFile {
  private let path: String
  private let descriptor: Int32
  private var isFinished = false

  /// - Throws: ``PartnerError/file(_:)``, and what can't stand in a meta group.
  init(_ reception: DICOMReception, in folder: String) throws {
    let head = try DICOMFile.head(
      sopClass: reception.sopClass, sopInstance: reception.sopInstance,
      syntax: DICOMTransferSyntax(uid: reception.transferSyntax), source: reception.callingAETitle)
    path = "\(folder)/\(MessageGenerator.digits(reception.number + 1, width: 6)).dcm"
    descriptor = open(path + ".part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw PartnerError.file("\(path).part cannot be made (errno \(errno))") }
    try write(head[...])
  }

  deinit {
    close(descriptor)
    if !isFinished { unlink(path + ".part") }
  }

  func write(_ piece: ArraySlice<UInt8>) throws {
    var rest = piece
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw PartnerError.file("\(path).part cannot be written (errno \(errno))") }
      rest = rest.dropFirst(count)
    }
  }

  func finish(syncs: Bool) throws {
    if syncs, fdatasync(descriptor) != 0 { throw PartnerError.file("\(path).part cannot be synced (errno \(errno))") }
    guard rename(path + ".part", path) == 0 else {
      throw PartnerError.file("\(path) cannot be made (errno \(errno))")
    }
    isFinished = true
  }
}
