/// Data sets without what says whose they are: PS3.15 annex E, the basic profile with its options.
package struct DICOMDeidentification: Sendable {
  package enum Profile: String, Sendable, Hashable, CaseIterable {
    case basic
  }

  /// What is kept or cleaned besides what the profile leaves, by the names that programs use.
  package enum Option: String, Sendable, Hashable, CaseIterable {
    case cleanPixelData = "clean_pixel_data"
    case cleanRecognizableVisualFeatures = "clean_recognizable_visual_features"
    case cleanGraphics = "clean_graphics"
    case cleanStructuredContent = "clean_structured_content"
    case cleanDescriptors = "clean_descriptors"
    case retainFullDates = "retain_full_dates"
    case retainModifiedDates = "retain_modified_dates"
    case retainPatientCharacteristics = "retain_patient_characteristics"
    case retainDeviceIdentity = "retain_device_identity"
    case retainUIDs = "retain_uids"
    case retainSafePrivate = "retain_safe_private"
    case retainInstitutionIdentity = "retain_institution_identity"
  }

  /// A private element that somebody vouches for: `(0019,"GEMS_ACQU_01",9C)`.
  package struct SafePrivate: Sendable, Hashable {
    package var group: UInt16
    package var creator: String
    package var element: UInt8

    package init(group: UInt16, creator: String, element: UInt8) {
      self.group = group
      self.creator = creator
      self.element = element
    }
  }

  /// Why data sets can't be de-identified as is wanted.
  package enum Refusal: Error, Hashable, CustomStringConvertible {
    case pixels(Option)
    case twoKindsOfDates
    case prefix

    package var description: String {
      switch self {
      case .pixels(let option):
        "\(option.rawValue) is not done here: what stands in pixels, and whose face they show, only a person can see; "
          + "leave the option out, and have images looked at that may show it"
      case .twoKindsOfDates:
        "\(Option.retainFullDates.rawValue) and \(Option.retainModifiedDates.rawValue) exclude each other: dates are "
          + "either kept or shifted"
      case .prefix: "what stands before a pseudonym has at most 16 letters, digits, - and _"
      }
    }
  }

  package let profile: Profile
  package let options: Set<Option>
  package let pseudonyms: DICOMPseudonyms
  /// Before the pseudonyms of patients: `RS`.
  package let prefix: String
  package let safePrivate: Set<SafePrivate>
  /// Texts that hold nobody's identity, whatever is in the data set.
  let allowed: Set<String>

  /// - Parameters:
  ///   - safePrivate: what `retain_safe_private` keeps.
  ///   - allowedTexts: descriptions that are kept where they are cleaned, such as the protocols of a house; case and
  ///     marks on letters don't count.
  ///   - hash: a keyed hash, HMAC-SHA-256 of the caller. Who has its key can shift dates back, and find out whose
  ///     pseudonym one is by trying.
  package init(
    profile: Profile = .basic, options: Set<Option> = [], prefix: String = "", safePrivate: [SafePrivate] = [],
    allowedTexts: [String] = [], hash: @escaping DICOMPseudonyms.KeyedHash
  ) throws(Refusal) {
    for option in [Option.cleanPixelData, .cleanRecognizableVisualFeatures] where options.contains(option) {
      throw .pixels(option)
    }
    if options.contains(.retainFullDates), options.contains(.retainModifiedDates) { throw .twoKindsOfDates }
    guard prefix.utf8.count <= 16, prefix.utf8.allSatisfy(Self.isPlain) else { throw .prefix }
    self.profile = profile
    self.options = options
    self.prefix = prefix
    self.safePrivate = Set(safePrivate)
    allowed = Set(allowedTexts.map { DICOMWords($0).joined })
    pseudonyms = DICOMPseudonyms(hash: hash)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
    default: false
    }
  }

  /// The data set without identity, as a draft over the same bytes, and what was done. Pixels stay where they are.
  ///
  /// `DICOMObject.file(with:)` writes it with a preamble and a meta group of its own.
  ///
  /// - Throws: `cannot` for a directory of a medium, whose offsets would be others.
  package func apply(
    to object: DICOMObject
  ) throws(DICOMError) -> (draft: DICOMDraft, report: DICOMDeidentificationReport) {
    try apply(to: DICOMDraft(object.dataSet))
  }

  /// The same of a data set that was changed.
  package func apply(
    to changed: DICOMDraft
  ) throws(DICOMError) -> (draft: DICOMDraft, report: DICOMDeidentificationReport) {
    let dataSet = DICOMDataSet(index: changed.index(), item: -1)
    guard dataSet[DICOMTag(0x0004, 0x1220)] == nil else {
      throw DICOMError(
        .cannot("a DICOMDIR isn't de-identified: it is made anew for the files that are"), offset: 0, path: "")
    }
    var walk = DICOMDeidentifyingWalk(self, dataSet)
    var level = walk.level(in: -1, .byTable)
    mark(&level, dataSet.index)
    var draft = DICOMDraft(dataSet)
    draft.replace(level, isNewFile: true)
    walk.report.burnedIn = DICOMBurnedIn(dataSet)
    return (draft, walk.report)
  }
}
