/// Files of PS3.10: a preamble, DICM, the meta group, the data set.
package enum DICOMFile {
  /// What stands in front of a data set that came without a file.
  ///
  /// - Parameters:
  ///   - sopClass, sopInstance: as the data set has them.
  ///   - source: the application entity that it came from.
  package static func head(
    sopClass: String, sopInstance: String, syntax: DICOMTransferSyntax, source: String? = nil
  ) throws(DICOMError) -> [UInt8] {
    var meta = DICOMDraft(new: .explicitLittle)
    try meta.set(DICOMPath(.groupLengthOfMeta), .integer(0))
    try meta.set(DICOMPath(DICOMTag(0x0002, 0x0001)), .bytes([0, 1]))
    try meta.set(DICOMPath(.mediaStorageSOPClassUID), .text(sopClass))
    try meta.set(DICOMPath(.mediaStorageSOPInstanceUID), .text(sopInstance))
    try meta.set(DICOMPath(.transferSyntaxUID), .text(syntax.uid))
    try meta.set(DICOMPath(DICOMTag(0x0002, 0x0012)), .text(Implementation.hilum.classUID))
    try meta.set(DICOMPath(DICOMTag(0x0002, 0x0013)), .text(Implementation.hilum.versionName))
    if let source { try meta.set(DICOMPath(DICOMTag(0x0002, 0x0016)), .text(source)) }
    return preamble + (try meta.bytes())
  }

  private static let preamble = [UInt8](repeating: 0, count: 128) + "DICM".utf8
}

extension DICOMObject {
  /// The whole file with a changed data set: new bytes, and ranges of the file that came. (0002,0003) and (0002,0002)
  /// say what the data set says.
  ///
  /// - Throws: of a deflated file `notInMemory` where not all of the data set was kept, as it is compressed anew.
  package func file(with draft: DICOMDraft) throws(DICOMError) -> [DICOMStretch] {
    var output = DICOMStretches()
    if !draft.isChanged {
      output.add(0..<dataSetStart)
      guard !syntax.isDeflated else { return [.range(0..<byteCount)] }
      output.add(dataSet.range)
      return output.all
    }
    try addHead(of: draft, to: &output)
    if draft.syntax.isDeflated {
      let deflater = try DICOMDeflater()
      output.add(deflater.receive(try draft.bytes()))
      output.add(deflater.finish())
    } else {
      for stretch in draft.stretches() { output.add(stretch) }
    }
    return output.all
  }

  /// What stands before a changed data set: the meta group that came with it, or a new one.
  private func addHead(of draft: DICOMDraft, to output: inout DICOMStretches) throws(DICOMError) {
    guard !draft.isNewFile else {
      guard hasPreamble || !self.meta.isEmpty else { return }
      let (sopClass, sopInstance) = (draft.text(of: .sopClassUID) ?? "", draft.text(of: .sopInstanceUID) ?? "")
      return output.add(try DICOMFile.head(sopClass: sopClass, sopInstance: sopInstance, syntax: draft.syntax))
    }
    var meta = DICOMDraft(self.meta)
    for (tag, own) in [
      (DICOMTag.mediaStorageSOPClassUID, DICOMTag.sopClassUID),
      (.mediaStorageSOPInstanceUID, .sopInstanceUID),
    ] where !self.meta.isEmpty {
      guard let uid = draft.text(of: own), meta.text(of: tag) != uid else { continue }
      try meta.set(DICOMPath(tag), .text(uid))
    }
    if draft.syntax != syntax, !self.meta.isEmpty {
      try meta.set(DICOMPath(.transferSyntaxUID), .text(draft.syntax.uid))
    }
    output.add(0..<self.meta.range.lowerBound)
    for stretch in meta.stretches() { output.add(stretch) }
  }
}

extension DICOMStretches {
  mutating func add(_ stretch: DICOMStretch) {
    switch stretch {
    case .bytes(let bytes): add(bytes)
    case .range(let range): add(range)
    }
  }
}
