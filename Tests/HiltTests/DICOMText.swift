import DICOM

/// Objects of DICOM as cases write them and show them.
enum DICOMText {
  /// A file of one element a line: `PatientID = 42`, `(0019,"MAKER",01) LO = x`, `X[2].StudyID = 1`. A backslash parts
  /// values; `bytes N` are so many bytes.
  static func file(_ text: String, syntax: DICOMTransferSyntax = .explicitLittle) -> [UInt8] {
    var draft = DICOMDraft(new: syntax)
    do {
      try draft.set(DICOMPath(.sopClassUID), .text("1.2.840.10008.5.1.4.1.1.2"))
      try draft.set(DICOMPath(.sopInstanceUID), .text("1.2.3.4"))
      for line in text.split(separator: "\n") { try set(line, in: &draft) }
      let head = try DICOMFile.head(sopClass: "1.2.840.10008.5.1.4.1.1.2", sopInstance: "1.2.3.4", syntax: syntax)
      return head + (try draft.bytes())
    } catch {
      return Array("\(error)".utf8)
    }
  }

  private static func set(_ line: Substring, in draft: inout DICOMDraft) throws {
    let (left, right) = (line.split(separator: " =", maxSplits: 1)[0], line.drop { $0 != "=" }.dropFirst())
    let words = left.split(separator: " ")
    let path = try DICOMPath(String(words[0]))
    var vr = words.count > 1 ? DICOMVR(words[1]) : nil
    if vr == nil, case .standard(let tag)? = path.steps.last?.tag { vr = DICOMDictionary.attribute(tag)?.vr }
    let value = right.drop { $0 == " " }
    if vr == .sq { return try draft.setItems(path, count: Int(value) ?? 0) }
    let values = value.isEmpty ? [] : value.split(separator: "\\", omittingEmptySubsequences: false).map(String.init)
    switch vr {
    case _ where value.hasPrefix("bytes "):
      try draft.set(path, .bytes([UInt8](repeating: 0x41, count: Int(value.dropFirst(6)) ?? 0)), vr: vr)
    case .us, .ss, .ul, .sl: try draft.set(path, .integers(values.compactMap { Int128($0) }), vr: vr)
    case .fl, .fd: try draft.set(path, .floats(values.compactMap { Double($0) }), vr: vr)
    case .at: try draft.set(path, .tags(values.compactMap { DICOMTag($0) }), vr: vr)
    default: try draft.set(path, .texts(values), vr: vr)
    }
  }

  /// The data set, one line an element.
  static func lines(_ bytes: [UInt8]) -> String {
    guard let object = try? DICOMObject(bytes) else { return "no DICOM\n" }
    return DICOMDump().lines(of: object.dataSet).map { line in
      var line = Substring(line)
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}
