import DICOM

/// What the dictionary of DICOM says of an element: how it is read and written.
struct ElementKind: Sendable {
  enum Values: Sendable {
    case text, name, number, bytes, sequence
    /// They are passed on, and neither read nor written.
    case pixels
    /// A private element, or one whose VR shows in the data alone.
    case open
  }
  let tag: DICOMPath.Tag
  let attribute: DICOMAttribute?
  let values: Values
  /// There may be several values.
  let isMany: Bool
  /// How many there may be; `nil`: any number.
  let valuesMax: Int?

  init(_ tag: DICOMPath.Tag) {
    self.tag = tag
    var attribute: DICOMAttribute?
    if case .standard(let tag) = tag { attribute = DICOMDictionary.attribute(tag) }
    self.attribute = attribute
    values = Self.values(attribute)
    let most = attribute?.multiplicity.split(separator: "-").last.map(String.init)
    valuesMax = attribute == nil || values == .open ? nil : Int(most ?? "1")
    isMany = attribute != nil && valuesMax != 1
  }

  private static func values(_ attribute: DICOMAttribute?) -> Values {
    guard let attribute, !attribute.vrs.isEmpty else { return .open }
    if [.pixelData, .floatPixelData, .doubleFloatPixelData].contains(attribute.tag) { return .pixels }
    let all = Set(attribute.vrs.map(values))
    return all.count == 1 ? all.first ?? .open : .open
  }

  private static func values(_ vr: DICOMVR) -> Values {
    switch vr {
    case .sq: .sequence
    case .pn: .name
    case .is, .ds, .us, .ss, .ul, .sl, .uv, .sv, .fl, .fd: .number
    case .at: .text
    case _ where vr.isText: .text
    default: .bytes
    }
  }

  /// The only VR that it may have; `nil`: the data says which.
  var vr: DICOMVR? { attribute.flatMap { $0.vrs.count == 1 ? $0.vrs[0] : nil } }

  /// A private element may be a sequence.
  var mayHaveItems: Bool { values == .sequence || values == .open }

  /// Group 0002 stands in front of the data set.
  var isMeta: Bool {
    if case .standard(let tag) = tag { return tag.group == 2 }
    return false
  }

  /// `PatientName`, `tag(0019,"GEMS_ACQU_01",9C)`
  var name: String {
    if let attribute { return attribute.keyword }
    switch tag {
    case .standard(let tag): return "tag\(tag)"
    case .privateBlock: return "tag\(DICOMPath([DICOMPath.Step(tag)]))"
    }
  }

  /// A private element without the name of its maker: whose it is depends on the file.
  var isLoose: Bool {
    if case .standard(let tag) = tag { return tag.isPrivate && !tag.isPrivateCreator && !tag.isGroupLength }
    return false
  }

  /// Why nothing is written to an element of this number; `nil` where something can be.
  var refusesWriting: String? {
    guard case .standard(let tag) = tag else { return nil }
    if tag.isGroupLength { return "the length of a group follows from it" }
    if isLoose { return "a private element is written behind the name of its maker" }
    let isOutside = tag.group <= 0x0007 && tag.group != 0x0004 && tag.group != 0x0006 || tag.group >= 0xFFFE
    return isOutside ? "no data set has an element of this number" : nil
  }

  /// Every object has it, or nobody could tell what it is.
  var isRequired: Bool {
    guard case .standard(let tag) = tag else { return false }
    return Self.required.contains(tag)
  }

  /// SOP class and instance, modality, study and series.
  private static let required: Set<DICOMTag> = [
    .sopClassUID, .sopInstanceUID, DICOMTag(0x0008, 0x0060), DICOMTag(0x0020, 0x000D), DICOMTag(0x0020, 0x000E),
  ]
}
