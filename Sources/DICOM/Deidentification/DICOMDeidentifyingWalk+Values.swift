/// What is left of values.
extension DICOMDeidentifyingWalk {
  /// What the table doesn't name: kept, but for names, dates, UIDs and addresses, which are known by their VR.
  mutating func unlisted(_ element: DICOMElement, _ manner: Manner) -> DICOMLevel.Node? {
    let tag = element.tag
    guard tag.group > 0x0007, let vr = Self.standardVR(element) else { return removed(.unknownRemoved) }
    if element.isEmpty, vr != .sq { return kept(element, vr, manner) }
    switch vr {
    case .pn: return dummy(element, vr)
    case .da, .dt, .tm: return dated(element, vr)
    case .ui:
      if Self.isDefinition(tag) || has(.retainUIDs) { return kept(element, vr, manner) }
      return mapped(element)
    case .ur where !Self.codes.contains(tag.rawValue): return dummy(element, vr)
    default: return manner == .dummies ? formal(element, vr) : kept(element, vr, manner)
    }
  }

  /// The VR that the value of an attribute of the standard is read with; `nil` where that isn't the standard's, and
  /// what stands there could be anything.
  static func standardVR(_ element: DICOMElement) -> DICOMVR? {
    guard let known = DICOMDictionary.vrs(element.tag), let first = known.first else { return nil }
    let vr = element.vr
    if known.contains(vr) { return vr }
    if first == .sq || vr == .sq || (vr == .un ? first.isText : vr.isText != first.isText) { return nil }
    return vr.isText ? first : vr
  }

  /// Its UIDs say what something is, and not which.
  private static func isDefinition(_ tag: DICOMTag) -> Bool { definitions.contains(tag.rawValue) }

  /// Classes, transfer syntaxes, coding schemes, context groups and mapping resources.
  private static let definitions: Set<UInt32> = {
    let others: Set<String> = [
      "CodingSchemeUID", "ContextUID", "MappingResourceUID", "SOPClassesInStudy", "SOPClassesSupported",
      "PertinentSOPClassesInStudy", "PertinentSOPClassesInSeries",
    ]
    let all = DICOMDictionary.attributes.filter { attribute in
      let keyword = attribute.keyword
      return attribute.vr == .ui
        && (keyword.contains("ClassUID") || keyword.contains("TransferSyntaxUID") || others.contains(keyword))
    }
    return Set(all.map(\.tag.rawValue))
  }()

  /// Codes and the schemes that they are of: long numbers are what they are made of.
  private static let codes: Set<UInt32> = [
    0x0008_0100, 0x0008_0101, 0x0008_0102, 0x0008_0103, 0x0008_010E, 0x0008_0119, 0x0008_0120,
  ]

  // MARK: Kept and cleaned

  /// As it stands there, where it is what its VR says and holds no identifier.
  mutating func kept(_ element: DICOMElement, _ vr: DICOMVR, _ manner: Manner) -> DICOMLevel.Node? {
    if vr == .sq { return sequence(element, manner) ?? empty(element, vr) }
    if element.isEmpty {
      report.add(.kept)
      return original(element)
    }
    switch vr {
    case .ae, .lo, .lt, .pn, .sh, .st, .uc, .ur, .ut:
      let isClose = manner == .cleaned && !Self.codes.contains(element.tag.rawValue)
      guard let texts = try? texts(element), texts.allSatisfy({ isFree($0, isClose) }) else {
        return replaced(element, vr, .found)
      }
      report.add(isClose ? .cleaned : .kept)
      return original(element)
    case .cs:
      guard let texts = try? texts(element), texts.allSatisfy(isFreeCode) else { return replaced(element, vr, .found) }
    case .as: return age(element)
    case .ds, .is:
      guard let bytes = try? element.bytes(), DICOMNumberText.isValid(bytes), !identifiers.stand(inNumbers: bytes)
      else {
        report.add(.found)
        return .value(element.tag, vr, [])
      }
    case .da, .dt, .tm:
      guard let texts = try? texts(element), texts.allSatisfy({ Self.isMoment($0, vr) }) else {
        return replaced(element, vr, .replaced)
      }
    case .ui:
      guard let texts = try? texts(element), texts.allSatisfy({ $0.isEmpty || DICOMUID.isValid($0) }) else {
        return mapped(element)
      }
    default: break
    }
    report.add(.kept)
    return original(element)
  }

  private static func isMoment(_ text: String, _ vr: DICOMVR) -> Bool {
    switch vr {
    case .da: text.isEmpty || DICOMDate(text) != nil
    case .dt: text.isEmpty || DICOMDateTime(text) != nil
    default: text.isEmpty || DICOMTime(text) != nil
    }
  }

  /// - Parameter isClose: nothing that only might identify somebody is left either.
  private func isFree(_ text: String, _ isClose: Bool) -> Bool {
    if !isClose { return !identifiers.stand(in: text) }
    return rules.allowed.contains(DICOMWords(text).joined) || !identifiers.mayStand(in: text)
  }

  private func isFreeCode(_ text: String) -> Bool {
    let isCode = text.utf8.allSatisfy { byte in
      (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x20 || byte == UInt8(ascii: "_")
    }
    return isCode ? !identifiers.stand(inCode: text) : !identifiers.stand(in: text)
  }

  private mutating func replaced(
    _ element: DICOMElement, _ vr: DICOMVR, _ outcome: DICOMDeidentificationReport.Outcome
  ) -> DICOMLevel.Node {
    report.add(outcome)
    return .value(element.tag, vr, DICOMDummy.bytes(vr))
  }

  /// What the table wants to have cleaned; `nil` where that can't be done, and what the profile does without the option
  /// is to be done.
  mutating func cleaned(_ element: DICOMElement, _ vr: DICOMVR, _ manner: Manner) -> DICOMLevel.Node? {
    switch vr {
    case .sq: return sequence(element, manner == .dummies ? .dummies : .cleaned)
    case .da, .dt, .tm: return dated(element, vr)
    case .ae, .cs, .lo, .lt, .sh, .st, .uc, .ut: break
    default: return nil
    }
    guard let texts = try? texts(element) else { return nil }
    if element.tag == DICOMTag(0x0008, 0x0201) {
      guard texts.allSatisfy(Self.isOffset) else { return nil }
    } else {
      guard manner != .dummies, texts.allSatisfy({ isFree($0, true) }) else { return nil }
    }
    report.add(.cleaned)
    return original(element)
  }

  /// `+0100`
  private static func isOffset(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return bytes.count == 5 && (bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"))
      && bytes.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
  }

  // MARK: Dates and ages

  /// Dates and times as the options want to have them; what is malformed is replaced.
  mutating func dated(_ element: DICOMElement, _ vr: DICOMVR) -> DICOMLevel.Node? {
    if has(.retainFullDates) || (vr == .tm && has(.retainModifiedDates)) { return kept(element, vr, .byTable) }
    guard has(.retainModifiedDates) else { return dummy(element, vr) }
    if element.isEmpty { return kept(element, vr, .byTable) }
    guard let texts = try? texts(element) else { return replaced(element, vr, .replaced) }
    var shifted: [String] = []
    for text in texts {
      guard let date = text.isEmpty ? "" : DICOMShiftedDates.shifted(text, vr, days: days) else {
        return replaced(element, vr, .replaced)
      }
      shifted.append(date)
    }
    report.add(.shifted)
    return .value(element.tag, vr, DICOMDummy.padded(shifted.joined(separator: "\\"), vr))
  }

  /// Ages over 89 identify: of them all one is made (45 CFR 164.514(b)(2)(i)(C)).
  private mutating func age(_ element: DICOMElement) -> DICOMLevel.Node {
    guard let texts = try? texts(element) else { return replaced(element, .as, .replaced) }
    var ages: [String] = []
    for text in texts {
      let bytes = Array(text.utf8)
      guard bytes.count == 4, bytes.prefix(3).allSatisfy({ (0x30...0x39).contains($0) }),
        "DWMY".utf8.contains(bytes[3])
      else { return empty(element, .as) }
      // 999 months are 83 years.
      ages.append(bytes[3] == UInt8(ascii: "Y") && text.prefix(3) >= "090" ? "090Y" : text)
    }
    if ages == texts {
      report.add(.kept)
      return original(element)
    }
    report.add(.replaced)
    return .value(element.tag, .as, DICOMDummy.padded(ages.joined(separator: "\\"), .as))
  }

  // MARK: Forms

  /// A value in an item of which only the form is kept: codes and counts stay, texts and measures don't.
  private mutating func formal(_ element: DICOMElement, _ vr: DICOMVR) -> DICOMLevel.Node? {
    switch vr {
    case .sq: return sequence(element, .dummies)
    case .cs, .us, .ss, .ul, .sl, .uv, .sv, .at: return kept(element, vr, .dummies)
    case .un: return removed(.removed)
    default:
      report.add(.replaced)
      return .value(element.tag, vr, DICOMDummy.bytes(vr, like: element))
    }
  }
}
