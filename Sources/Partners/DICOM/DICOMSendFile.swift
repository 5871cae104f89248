internal import DICOM
internal import Glibc
internal import NIOCore

/// A file that a test sender sends: what it is, and where its data set stands in it. The data set stays on the disk.
package struct DICOMSendFile: Sendable, Hashable {
  /// What is read to see what it is; the meta group and the first elements are in it.
  private static let headBytesMax = 1 << 18

  package let path: String
  package let sopClass: String
  package let sopInstance: String
  package let transferSyntax: String
  /// Where the data set stands in the file.
  let range: Range<Int>

  /// - Throws: ``PartnerError/file(_:)``, where it can't be read or is no DICOM that has a name.
  package init(path: String) throws {
    self.path = path
    let file = try OpenSendFile(path)
    let size = try file.byteCount()
    var head = ByteBuffer()
    while head.readableBytes < min(size, Self.headBytesMax) {
      head.writeImmutableBuffer(try file.piece(at: head.readableBytes, byteCount: Self.headBytesMax))
    }
    let object: DICOMObject
    do {
      object = try DICOMObject(Array(head.readableBytesView), limits: DICOMLimits(acceptsTruncated: true))
    } catch {
      throw PartnerError.file("\(path) is no DICOM file: \(error)")
    }
    func uid(_ own: DICOMTag, _ meta: DICOMTag) -> String? {
      let texts = [object.dataSet[own], object.meta[meta]].compactMap { try? $0?.text() }
      return texts.first { !$0.isEmpty }
    }
    guard let sopClass = uid(.sopClassUID, .mediaStorageSOPClassUID),
      let sopInstance = uid(.sopInstanceUID, .mediaStorageSOPInstanceUID)
    else { throw PartnerError.file("\(path) can't be sent: it has no SOP class or no SOP instance") }
    (self.sopClass, self.sopInstance) = (sopClass, sopInstance)
    transferSyntax = object.syntax.uid
    guard object.dataSetStart < size else { throw PartnerError.file("\(path) can't be sent: it has no data set") }
    range = object.dataSetStart..<size
  }
}

/// An open file, which is read at a place. Closed when nobody holds it any more.
final class OpenSendFile {
  private let path: String
  private let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw PartnerError.file("\(path) cannot be opened (errno \(errno))") }
  }

  deinit { close(descriptor) }

  func byteCount() throws -> Int {
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= 0 else { throw PartnerError.file("\(path) cannot be read (errno \(errno))") }
    return Int(end)
  }

  /// Up to so many bytes from a place on; fewer only at the file's end.
  func piece(at offset: Int, byteCount: Int) throws -> ByteBuffer {
    var buffer = ByteBufferAllocator().buffer(capacity: byteCount)
    while buffer.readableBytes < byteCount {
      let place = off_t(offset + buffer.readableBytes)
      let rest = byteCount - buffer.readableBytes
      var code: Int32 = 0
      let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: rest) { bytes in
        let count = pread(descriptor, bytes.baseAddress, rest, place)
        code = count < 0 ? errno : 0
        return max(0, count)
      }
      if code == EINTR { continue }
      guard code == 0 else { throw PartnerError.file("\(path) cannot be read (errno \(code))") }
      if count == 0 { break }
    }
    return buffer
  }
}
