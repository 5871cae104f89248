import DICOM

/// What the dictionary of DICOM says of a place.
extension HiltMeaning {
  init(element place: ElementPlace) {
    self.init(title: place.path, summary: "")
    guard let attribute = place.kind.attribute else {
      summary = "an element that the standard doesn't have"
      if case .privateBlock(_, let creator, _) = place.kind.tag { summary = "a private element of \(creator)" }
      return
    }
    summary = "\(attribute.name), \(Self.form(attribute))"
    details = ["\(attribute.tag)" + (attribute.isRetired ? ", retired" : "")]
    switch place.kind.values {
    case .sequence where !place.isWhole: members = Self.keywords
    case .name: members = Self.nameParts
    case .pixels: details.append("Pixels are passed on as they are.")
    default: break
    }
  }

  /// What may follow an object or an item.
  mutating func describeDataSet(isObject: Bool) {
    summary = isObject ? "an object of DICOM" : "an item of a sequence"
    members = Self.keywords
  }

  static let nameParts = (Checker.namePartNames + Checker.nameWritings).map {
    HiltMember(separator: ".", name: $0, kind: .component, type: "text", about: "of a person's name")
  }

  /// The elements of the standard, by their tags.
  static let keywords: [HiltMember] = DICOMDictionary.attributes.filter(\.isOfObjects)
    .map { attribute in
      HiltMember(
        separator: ".", name: attribute.keyword, kind: .field, type: form(attribute), about: attribute.name)
    }

  /// `PN, 1`
  private static func form(_ attribute: DICOMAttribute) -> String {
    "\(attribute.vrs.map(\.name).joined(separator: " or ")), \(attribute.multiplicity)"
  }
}
