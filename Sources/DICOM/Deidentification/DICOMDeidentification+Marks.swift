/// What a data set without identity says of that (PS3.15 sections E.1.1 and E.2).
extension DICOMDeidentification {
  static let method = "HILUM DICOM PS3.15 2024b ANNEX E"

  func mark(_ level: inout DICOMLevel, _ base: DICOMIndex) {
    level.put(.value(.patientIdentityRemoved, .cs, DICOMDummy.padded("YES", .cs)))
    level.put(.value(.deidentificationMethod, .lo, methods(level, base)))
    level.put(.sequence(codes(level, base)))
    let dates = dates(level.bytes(.longitudinalTemporalInformationModified, base))
    level.put(.value(.longitudinalTemporalInformationModified, .cs, DICOMDummy.padded(dates, .cs)))
  }

  /// Behind what others said who did it before.
  private func methods(_ level: DICOMLevel, _ base: DICOMIndex) -> [UInt8] {
    let own = Array(Self.method.utf8)
    let before = DICOMText.trimmed(level.bytes(.deidentificationMethod, base) ?? [], .lo)
    if before.isEmpty || before.count > 32768 { return DICOMDummy.padded(Self.method, .lo) }
    if before.suffix(own.count).elementsEqual(own) { return before.count & 1 == 1 ? before + [0x20] : Array(before) }
    let both = before + [DICOMText.backslash] + own
    return both.count & 1 == 1 ? both + [0x20] : Array(both)
  }

  private func codes(_ level: DICOMLevel, _ base: DICOMIndex) -> DICOMLevel.SequenceNode {
    let tag = DICOMTag.deidentificationMethodCodes
    var sequence = DICOMLevel.SequenceNode(
      tag: tag, vr: .sq, encoding: level.encoding, inner: level.encoding, items: [])
    if let place = level.position(tag), case .sequence(let before) = level.nodes[place] { sequence = before }
    let code = DICOMTag(0x0008, 0x0100)
    let known = Set(
      sequence.items.compactMap { $0.level?.bytes(code, base).map { Array(DICOMText.trimmed($0, .sh)) } })
    for (number, meaning) in concepts where !known.contains(Array(number.utf8)) {
      let nodes: [DICOMLevel.Node] = [
        .value(code, .sh, DICOMDummy.padded(number, .sh)),
        .value(DICOMTag(0x0008, 0x0102), .sh, DICOMDummy.padded("DCM", .sh)),
        .value(DICOMTag(0x0008, 0x0104), .lo, DICOMDummy.padded(meaning, .lo)),
      ]
      sequence.items.append(DICOMLevel.Item(level: DICOMLevel(nodes: nodes, encoding: sequence.inner)))
    }
    return sequence
  }

  /// Of CID 7050 those of the profile and its options.
  private var concepts: [(code: String, meaning: String)] {
    [("113100", "Basic Application Confidentiality Profile")]
      + Option.allCases.filter { options.contains($0) }.map(\.concept).sorted { $0.code < $1.code }
  }

  /// What was done to dates; what was done to them before stays done.
  private func dates(_ before: ArraySlice<UInt8>?) -> String {
    let said = before.map { String(decoding: DICOMText.trimmed($0, .cs), as: UTF8.self) }
    if said == "REMOVED" { return "REMOVED" }
    if options.contains(.retainFullDates) { return said == "MODIFIED" ? "MODIFIED" : "UNMODIFIED" }
    return options.contains(.retainModifiedDates) ? "MODIFIED" : "REMOVED"
  }
}

extension DICOMDeidentification.Option {
  fileprivate var concept: (code: String, meaning: String) {
    switch self {
    case .cleanPixelData: ("113101", "Clean Pixel Data Option")
    case .cleanRecognizableVisualFeatures: ("113102", "Clean Recognizable Visual Features Option")
    case .cleanGraphics: ("113103", "Clean Graphics Option")
    case .cleanStructuredContent: ("113104", "Clean Structured Content Option")
    case .cleanDescriptors: ("113105", "Clean Descriptors Option")
    case .retainFullDates: ("113106", "Retain Longitudinal Temporal Information Full Dates Option")
    case .retainModifiedDates: ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
    case .retainPatientCharacteristics: ("113108", "Retain Patient Characteristics Option")
    case .retainDeviceIdentity: ("113109", "Retain Device Identity Option")
    case .retainUIDs: ("113110", "Retain UIDs Option")
    case .retainSafePrivate: ("113111", "Retain Safe Private Option")
    case .retainInstitutionIdentity: ("113112", "Retain Institution Identity Option")
    }
  }
}
