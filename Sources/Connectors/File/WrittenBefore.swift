import ConnectorKit
import Glibc
import Messages

// Whether an attempt that nobody remembers has written its file. Each file bears the id of its delivery as an extended
// attribute; where the file system keeps none, the same bytes under the same name are taken for it.

private let deliveryAttribute = "user.hilum.delivery"
/// How many missing numbers are looked beyond: a partner may have fetched `A` while `A-2` is still there.
private let gapMax = 8

extension OpenFile {
  /// Marks the file as that of a delivery, where the file system can.
  func mark(_ delivery: DeliveryID) {
    _ = LinuxCalls.write(attribute: deliveryAttribute, delivery.bytes, to: descriptor)
  }

  fileprivate func isOf(_ delivery: Delivery, _ bytes: [UInt8]) throws(FileFault) -> Bool {
    let facts = try facts()
    guard facts.kind == .file else { return false }
    if let id = LinuxCalls.attribute(deliveryAttribute, of: descriptor, bytesMax: 16) { return id == delivery.id.bytes }
    guard facts.byteCount == bytes.count else { return false }
    return try read(bytesMax: bytes.count + 1) == bytes
  }
}

extension FileWriter {
  /// The file that an earlier attempt of this delivery wrote, under its name or a number of it.
  func findWritten(
    _ delivery: Delivery, _ bytes: [UInt8], _ place: WrittenName, in folder: Folder
  ) throws(FileFault) -> (FileName, OpenFile)? {
    var gaps = 0
    var number = 1
    while gaps < gapMax {
      let name = number == 1 ? place.file : place.file.numbered(number)
      number += 1
      if let facts = try folder.look(at: name), facts.kind == .file {
        if let file = try folder.openIfThere(name), try file.isOf(delivery, bytes) { return (name, file) }
      } else {
        gaps += 1
      }
    }
    return nil
  }
}

extension Folder {
  /// `nil` where the file went away meanwhile or may not be read: then it can't be known, and isn't taken for ours.
  fileprivate func openIfThere(_ name: FileName) throws(FileFault) -> OpenFile? {
    do throws(FileFault) {
      return try openFile(name)
    } catch {
      switch error.number {
      case ENOENT, EACCES, EPERM, ELOOP: return nil
      default: throw error
      }
    }
  }

  /// A name with a number that is free. Numbers are given without gaps, so doubling and halving finds the end of
  /// thousands in a few looks; where a partner has taken some away, one of those may come up again.
  func freeName(like name: FileName) throws(FileFault) -> FileName {
    let numberMax = 1 << 30
    var taken = 1
    var free = 2
    while try look(at: name.numbered(free)) != nil {
      guard free < numberMax else { throw FileFault(.move, EMLINK) }
      taken = free
      free *= 2
    }
    while free - taken > 1 {
      let middle = taken + (free - taken) / 2
      if try look(at: name.numbered(middle)) != nil { taken = middle } else { free = middle }
    }
    return name.numbered(free)
  }
}
