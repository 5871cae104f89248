// DICOM: any bytes are read or refused, in pieces as at once; what was read is shown, written, changed, de-identified
// and read again.

private let limits = DICOMLimits(inflatedBytesMax: 4 << 20, acceptsTruncated: false)

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let first = bytes.first else { return 0 }
  let syntaxes: [DICOMTransferSyntax?] = [nil, .implicitLittle, .explicitLittle, .explicitBig, .deflated]
  // A file begins with any byte; a data set has its syntax in front.
  let syntax = first < 0xF0 ? nil : syntaxes[Int(first & 7) % syntaxes.count]
  let source = first < 0xF0 ? bytes : Array(bytes.dropFirst())
  let whole = try? DICOMObject(source, syntax: syntax, limits: limits)
  var reader = DICOMReader(syntax: syntax, limits: limits)
  var pieces: DICOMObject?
  do {
    for begin in stride(from: 0, to: source.count, by: 3) {
      try reader.receive(source[begin..<min(begin + 3, source.count)])
    }
    pieces = try reader.finish()
  } catch {
    pieces = nil
  }
  precondition((whole == nil) == (pieces == nil), "the cut of the stream made a difference")
  guard let whole, let pieces else {
    _ = try? DICOMObject(source, syntax: syntax, limits: DICOMLimits(inflatedBytesMax: 4 << 20, acceptsTruncated: true))
    return 0
  }
  precondition(whole.dataSet.elements.map(\.range) == pieces.dataSet.elements.map(\.range), "other elements in pieces")
  look(whole)
  change(whole)
  deidentify(whole)
  return 0
}

private func look(_ object: DICOMObject) {
  _ = DICOMDump(linesMax: 500).lines(of: object)
  var writer = JSONWriter()
  guard (try? DICOMJSON.write(object.dataSet, to: &writer)) != nil else { return }
  guard let document = try? JSONDocument(writer.bytes, limits: JSONLimits(depthMax: 1024)) else {
    preconditionFailure("what was written is no JSON")
  }
  guard let draft = try? DICOMJSON.read(document.root, as: .explicitLittle) else { return }
  guard (try? draft.dataSet()) != nil else { preconditionFailure("what JSON says can't be read") }
}

private func change(_ object: DICOMObject) {
  let unchanged = try? DICOMDraft(object.dataSet).bytes()
  precondition(unchanged == object.dataSet.bytes(object.dataSet.range).map(Array.init), "unchanged, and other bytes")
  guard let path = try? DICOMPath("RequestAttributesSequence[1].ScheduledProcedureStepID") else { return }
  var draft = DICOMDraft(object.dataSet)
  do throws(DICOMError) {
    try draft.set(path, .text("x"))
    try draft.remove(DICOMPath(.pixelData))
    _ = try object.file(with: draft)
  } catch {
    return
  }
  // What has notes may be nonsense that reads as something else once it is written properly.
  guard object.notes.isEmpty else { return }
  guard let again = try? draft.dataSet() else { preconditionFailure("what was changed can't be read") }
  precondition((try? again[path: path]?.text()) == "x", "what was set isn't there")
}

private let rules = try? DICOMDeidentification(options: [
  .cleanDescriptors, .cleanGraphics, .cleanStructuredContent, .retainModifiedDates, .retainPatientCharacteristics,
  .retainDeviceIdentity,
]) { bytes in
  var state: UInt64 = 1
  return (0..<16).map { _ in
    state = bytes.reduce(state) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    return UInt8(truncatingIfNeeded: state >> 32)
  }
}

private func deidentify(_ object: DICOMObject) {
  guard let draft = try? rules?.apply(to: object).draft else { return }
  _ = try? object.file(with: draft)
  guard object.notes.isEmpty else { return }
  guard let again = try? draft.dataSet() else { preconditionFailure("what was de-identified can't be read") }
  precondition((try? again["PatientIdentityRemoved"]?.text()) == "YES", "what was de-identified doesn't say so")
  precondition(again.elements.allSatisfy { !$0.tag.isPrivate }, "private elements are left")
}
