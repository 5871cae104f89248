/// Goes through a data set once, at every depth, and puts together what is left of it.
struct DICOMDeidentifyingWalk {
  /// What is done with attributes that the table doesn't name.
  enum Manner {
    /// They are kept, unless an identifier of the data set stands in them.
    case byTable
    /// Their texts are looked at as closely as those that the table wants to have cleaned.
    case cleaned
    /// Only the form is kept: an item, its codes, and dummies.
    case dummies
  }

  let rules: DICOMDeidentification
  let base: DICOMIndex
  let identifiers: DICOMRecordIdentifiers
  /// Whose dates are shifted together, and whose pseudonym stands in the place of the name.
  let patient: String
  let days: Int
  var report = DICOMDeidentificationReport()
  /// How what is around is written, and in which character sets.
  private var encoding: DICOMEncoding
  private var sets: DICOMCharacterSets

  init(_ rules: DICOMDeidentification, _ dataSet: DICOMDataSet) {
    self.rules = rules
    base = dataSet.index
    encoding = base.encoding
    sets = .standard
    identifiers = DICOMRecordIdentifiers(dataSet.index, rules.options)
    patient = dataSet[.patientID].map(Self.whole) ?? ""
    // Without a patient a study's dates keep together.
    let shifted = patient.isEmpty ? dataSet[.studyInstanceUID].map(Self.whole) ?? "" : patient
    days = rules.options.contains(.retainModifiedDates) ? rules.pseudonyms.shiftDays(patient: shifted) : 0
  }

  /// An identifier as it is written, of whatever character set.
  static func whole(_ element: DICOMElement) -> String {
    if let texts = try? element.texts() { return texts.joined(separator: "\\") }
    let bytes = (try? element.bytes()) ?? []
    return String(String.UnicodeScalarView(DICOMText.trimmed(bytes, .lo).map { Unicode.Scalar($0) }))
  }

  func has(_ option: DICOMDeidentification.Option) -> Bool { rules.options.contains(option) }

  mutating func level(in item: Int, _ manner: Manner) -> DICOMLevel {
    let dataSet = DICOMDataSet(index: base, item: item)
    let around = (encoding, sets)
    defer { (encoding, sets) = around }
    if base.find(.specificCharacterSet, in: item) != nil { sets = base.characterSets(in: item) }
    // Not always as it should be: what is new is written as what it stands beside.
    let first = dataSet.elements.first { _ in true }
    encoding = first?.entry.encoding ?? (item < 0 ? base.encoding : base.entries[item].encoding)
    let names = manner == .cleaned && Self.isAboutSomebody(dataSet)
    var nodes: [DICOMLevel.Node] = []
    var blocks = DICOMPrivateBlocks()
    for element in dataSet.elements {
      let tag = element.tag
      // A length of a group would be another one.
      if tag.isGroupLength { continue }
      if tag.isPrivate {
        if blocks.isCreator(element) {
          nodes.append(original(element))
        } else if let node = privateNode(element, blocks.creator(tag), manner) {
          blocks.use(tag)
          nodes.append(node)
        }
      } else if names, tag == Self.textValue {
        nodes.append(dummy(element, .ut))
      } else if let node = node(element, manner) {
        nodes.append(node)
      }
    }
    if !blocks.isEmpty { nodes.removeAll { blocks.isUnused($0.tag) } }
    return DICOMLevel(nodes: nodes, encoding: encoding)
  }

  private static let textValue = DICOMTag(0x0040, 0xA160)

  /// A content item that says who somebody is, or where: its concept is of the observation context (PS3.16 TID 1001).
  private static func isAboutSomebody(_ item: DICOMDataSet) -> Bool {
    guard let concept = item[DICOMTag(0x0040, 0xA043)]?.items.first,
      let code = try? concept[DICOMTag(0x0008, 0x0100)]?.text()
    else { return false }
    return aboutSomebody.contains(code)
  }

  /// Names, organizations, places, serial numbers, orders, subjects, specimens and slides.
  private static let aboutSomebody: Set<String> = [
    "121008", "121009", "121013", "121016", "121017", "121020", "121021", "121022", "121029", "121030", "121031",
    "121036",
    "121040", "121041", "121043",
  ]

  // MARK: What is done

  private mutating func node(_ element: DICOMElement, _ manner: Manner) -> DICOMLevel.Node? {
    guard let row = DICOMConfidentialityTable.row(element.tag) else { return unlisted(element, manner) }
    let vr = DICOMDictionary.vrs(element.tag)?.first ?? element.vr
    switch row.action(rules.options) {
    case .keep:
      guard let vr = Self.standardVR(element) else { return done(element, vr, row.basic, manner) }
      return kept(element, vr, manner)
    case .clean: return cleaned(element, vr, manner) ?? done(element, vr, row.basic, manner)
    case let action: return done(element, vr, action, manner)
    }
  }

  private mutating func done(
    _ element: DICOMElement, _ vr: DICOMVR, _ action: DICOMConfidentialityAction, _ manner: Manner
  ) -> DICOMLevel.Node? {
    switch action {
    case .remove: return removed(.removed)
    case .empty: return empty(element, vr)
    case .map where vr != .sq: return mapped(element)
    case .map, .keep, .clean: return sequence(element, manner) ?? empty(element, vr)
    case .dummy: return dummy(element, vr)
    }
  }

  func texts(_ element: DICOMElement) throws(DICOMError) -> [String] { try element.texts(in: sets) }

  mutating func removed(_ outcome: DICOMDeidentificationReport.Outcome) -> DICOMLevel.Node? {
    report.add(outcome)
    return nil
  }

  /// As it stands there; with another header where it has none, or others around it have another kind.
  func original(_ element: DICOMElement) -> DICOMLevel.Node {
    let entry = element.entry
    // What is new stands in no file.
    if !entry.hasHeader, entry.valueRange.lowerBound >= base.range.upperBound, let bytes = try? element.bytes() {
      return .value(entry.tag, entry.vr, Array(bytes))
    }
    let isMoved =
      entry.encoding != encoding && entry.encoding.isBigEndian == encoding.isBigEndian && entry.kind == .element
      && entry.valueRange.count <= 0xFFFE
    return isMoved || !entry.hasHeader
      ? .moved(entry.tag, entry.vr, entry.valueRange) : .original(entry.tag, place: element.place)
  }

  mutating func empty(_ element: DICOMElement, _ vr: DICOMVR) -> DICOMLevel.Node {
    let tag = element.tag
    if vr == .sq {
      report.add(.emptied)
      return .sequence(DICOMLevel.SequenceNode(tag: tag, vr: .sq, encoding: encoding, inner: encoding, items: []))
    }
    if tag == .patientName, element.entry.parent < 0, !patient.isEmpty, !element.isEmpty {
      report.add(.replaced)
      return .value(tag, vr, DICOMDummy.padded(rules.pseudonyms.pseudonym(patient, prefix: rules.prefix), vr))
    }
    report.add(.emptied)
    return .value(tag, vr, [])
  }

  mutating func dummy(_ element: DICOMElement, _ vr: DICOMVR) -> DICOMLevel.Node {
    let tag = element.tag
    switch vr {
    case .sq: return sequence(element, .dummies) ?? empty(element, vr)
    case .ui: return mapped(element)
    case .lo where tag == .patientID:
      let original = Self.whole(element)
      // Nobody's number is no one person's.
      if original.isEmpty { return empty(element, vr) }
      let pseudonym = rules.pseudonyms.pseudonym(original, prefix: rules.prefix)
      report.add(.patientID, original, pseudonym)
      report.add(.replaced)
      return .value(tag, vr, DICOMDummy.padded(pseudonym, vr))
    default:
      report.add(.replaced)
      return .value(tag, vr, DICOMDummy.bytes(vr))
    }
  }

  /// UIDs by others that are the same for the same; what is none is mapped as it stands.
  mutating func mapped(_ element: DICOMElement) -> DICOMLevel.Node {
    guard let bytes = try? element.bytes() else {
      report.add(.mapped)
      return .value(element.tag, .ui, DICOMDummy.bytes(.ui))
    }
    let uids = bytes.split(separator: DICOMText.backslash, omittingEmptySubsequences: false).map { value in
      DICOMText.shown(DICOMText.trimmed(value, .ui))
    }
    let mapped = uids.map { rules.pseudonyms.uid($0) }
    if uids == mapped {
      report.add(.kept)
      return original(element)
    }
    for (uid, new) in zip(uids, mapped) where uid != new { report.add(.uid, uid, new) }
    report.add(.mapped)
    return .value(element.tag, .ui, DICOMDummy.padded(mapped.joined(separator: "\\"), .ui))
  }

  /// A sequence with what is left of its items; `nil` where it is none, though it should be.
  mutating func sequence(_ element: DICOMElement, _ manner: Manner) -> DICOMLevel.Node? {
    guard var sequence = DICOMLevel.SequenceNode(element.place, base) else { return nil }
    var items: [DICOMLevel.Item] = []
    for item in manner == .dummies ? sequence.items.prefix(1) : sequence.items[...] {
      guard let place = item.place else { continue }
      items.append(
        DICOMLevel.Item(level: level(in: place, manner), hasUndefinedLength: item.hasUndefinedLength))
    }
    sequence.items = items
    report.add(manner == .byTable ? .kept : manner == .cleaned ? .cleaned : .replaced)
    return .sequence(sequence)
  }
}
