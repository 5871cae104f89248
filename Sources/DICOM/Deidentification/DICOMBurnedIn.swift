/// Whether identifying text may stand in the pixels, where nobody here looks.
package enum DICOMBurnedIn: Sendable, Hashable, CustomStringConvertible {
  /// The data set says that there is none, or is of a kind that rarely has any.
  case no
  /// BurnedInAnnotation says YES.
  case declared
  /// RecognizableVisualFeatures says YES: whoever knows the patient knows the picture.
  case recognizable
  /// Nothing is said, and it is of a kind that often has some.
  case possible(Reason)

  package enum Reason: String, Sendable, Hashable {
    case captured = "it was captured from a screen, film or document"
    case ultrasound = "ultrasound writes the patient's name into its pictures"
    case photograph = "it is a photograph or a film"
    case overlay = "an overlay may stand in unused bits of the pixels"
  }

  package var description: String {
    switch self {
    case .no: "none declared, and none likely"
    case .declared: "declared"
    case .recognizable: "a face or the like, declared"
    case .possible(let reason): "possible, as \(reason.rawValue)"
    }
  }

  /// The object should be held until somebody has looked.
  package var isPossible: Bool { self != .no }

  init(_ dataSet: DICOMDataSet) {
    func code(_ element: UInt16) -> String { Self.codes(dataSet, DICOMTag(0x0028, element)).first ?? "" }
    if code(0x0301) == "YES" {
      self = .declared
    } else if code(0x0302) == "YES" {
      self = .recognizable
    } else if code(0x0301) == "NO" {
      self = .no
    } else {
      self = Self.reason(dataSet).map { .possible($0) } ?? .no
    }
  }

  private static func codes(_ dataSet: DICOMDataSet, _ tag: DICOMTag) -> [String] {
    ((try? dataSet[tag]?.texts()) ?? []).map { $0.uppercased() }
  }

  private static func reason(_ dataSet: DICOMDataSet) -> Reason? {
    let sopClass = (try? dataSet[.sopClassUID]?.text()) ?? ""
    func isOf(_ roots: String...) -> Bool { roots.contains { sopClass == $0 || sopClass.hasPrefix($0 + ".") } }
    let storage = "1.2.840.10008.5.1.4.1.1"
    if isOf("\(storage).6", "\(storage).3") { return .ultrasound }
    if isOf("\(storage).77.1") { return .photograph }
    if isOf("\(storage).7") { return .captured }
    switch codes(dataSet, DICOMTag(0x0008, 0x0060)).first {
    case "US"?, "IVUS"?, "EC"?, "BDUS"?: return .ultrasound
    case "ES"?, "XC"?, "GM"?, "SM"?, "OP"?, "DMS"?: return .photograph
    case "SC"?, "OT"?, "DOC"?, "HC"?: return .captured
    default: break
    }
    // How it was made into pixels; and pictures of what a screen showed.
    let isSaved = codes(dataSet, DICOMTag(0x0008, 0x0008)).contains { $0.contains("SCREEN") }
    if isSaved || dataSet[DICOMTag(0x0008, 0x0064)] != nil { return .captured }
    let groups = Set(dataSet.elements.lazy.map(\.tag.group).filter { $0 & 0xFF00 == 0x6000 })
    for group in groups {
      if dataSet[DICOMTag(group, 0x3000)] == nil, dataSet[DICOMTag(group, 0x0102)] != nil { return .overlay }
    }
    return nil
  }
}
