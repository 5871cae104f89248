package import Messages

extension DICOMObject {
  /// Reads a file that need not be in memory: of pixels and other long values only the places are kept, and what holds
  /// them is passed over. A deflated one is read whole, since nothing in it has a place of its own.
  ///
  /// - Throws: `ContentError` where it can't be read, `DICOMError` where it is no DICOM.
  package init(reading content: any ContentReader) throws {
    var reader = DICOMReader()
    var deflated: [UInt8] = []
    while content.rest > 0 {
      let unwanted = min(reader.bytesToSkip, content.rest)
      if unwanted > 0 {
        content.skip(unwanted)
        reader.skip(unwanted)
        continue
      }
      let piece = try content.next(1 << 16)
      guard reader.head?.syntax.isDeflated != true else {
        deflated += piece
        continue
      }
      if reader.head == nil { deflated += piece }
      try reader.receive(piece)
      if let head = reader.head, !head.syntax.isDeflated { deflated = [] }
    }
    self = reader.head?.syntax.isDeflated == true ? try DICOMObject(deflated) : try reader.finish()
  }
}
