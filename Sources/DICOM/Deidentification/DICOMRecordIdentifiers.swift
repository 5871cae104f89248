/// What identifies the people and places of one data set, to be found again in texts that don't say that they hold it.
struct DICOMRecordIdentifiers {
  /// Words of names of people.
  private var names: Set<String> = []
  /// Words of names and addresses of institutions.
  private var places: Set<String> = []
  /// Numbers of the patient, the visit and the order: letters and digits without what stands between them.
  private var numbers: Set<String> = []
  /// Two or three words in a row: whole names, days of birth, how institutions' names begin.
  private var phrases: Set<String> = []
  /// Names in writings without spaces.
  private var unspaced: Set<String> = []
  /// UIDs that are given anew.
  private var uids: Set<String> = []

  /// There are so many that comparing every text with every one would never end.
  private var isCrowded: Bool { names.count + numbers.count + unspaced.count > 2000 }

  init(_ index: DICOMIndex, _ options: Set<DICOMDeidentification.Option>) {
    var sets: [Int32: DICOMCharacterSets] = [:]
    for place in index.entries.indices where index.entries[place].kind == .element {
      let entry = index.entries[place]
      guard [.pn, .ui, .un].contains(entry.vr) || Self.tells(entry.tag) else { continue }
      if sets[entry.parent] == nil { sets[entry.parent] = index.characterSets(in: Int(entry.parent)) }
      gather(DICOMElement(index: index, place: place), options, sets[entry.parent] ?? .standard)
    }
  }

  private static func tells(_ tag: DICOMTag) -> Bool {
    tag == birthDate || tag == .patientName || numbered.contains(tag.rawValue) || placed.contains(tag.rawValue)
  }

  private static let birthDate = DICOMTag(0x0010, 0x0030)

  /// PatientID, OtherPatientIDs, MedicalRecordLocator, PatientTelephoneNumbers, AccessionNumber, AdmissionID,
  /// ServiceEpisodeID, the numbers of the order, of the subject of a trial and of a specimen.
  private static let numbered: Set<UInt32> = [
    0x0010_0020, 0x0010_1000, 0x0010_1090, 0x0010_2154, 0x0008_0050, 0x0038_0010, 0x0038_0060, 0x0040_2016, 0x0040_2017,
    0x0040_1001, 0x0012_0040, 0x0012_0042, 0x0040_050A, 0x0040_0551,
  ]

  /// InstitutionName, InstitutionAddress, InstitutionalDepartmentName, PatientAddress, ReferringPhysicianAddress,
  /// RequestingService.
  private static let placed: Set<UInt32> = [
    0x0008_0080, 0x0008_0081, 0x0008_1040, 0x0010_1040, 0x0008_0092, 0x0032_1033,
  ]

  private mutating func gather(
    _ element: DICOMElement, _ options: Set<DICOMDeidentification.Option>, _ sets: DICOMCharacterSets
  ) {
    let vr = element.vr
    guard vr.isText, !element.isEmpty else { return }
    // What can't be decoded is taken as it stands: its letters of ASCII are still known.
    let texts = (try? element.texts(in: sets)) ?? [(try? element.bytes()).map(DICOMText.shown) ?? ""]
    let tag = element.tag
    switch vr {
    case .ui: if !options.contains(.retainUIDs) { uids.formUnion(texts.filter { !DICOMUID.isStandard($0) }) }
    case .pn: for text in texts { add(name: text) }
    case .da where tag == Self.birthDate: for text in texts { add(day: text) }
    default:
      if tag == .patientName { for text in texts { add(name: text) } }
      if Self.numbered.contains(tag.rawValue) { for text in texts { add(number: text) } }
      let isOwn = tag.group != 0x0010 && options.contains(.retainInstitutionIdentity)
      if Self.placed.contains(tag.rawValue), !isOwn { for text in texts { add(place: text) } }
    }
  }

  private mutating func add(name text: String) {
    for writing in text.split(separator: "=") {
      // Titles aren't anybody's own.
      let parts = writing.split(separator: "^", omittingEmptySubsequences: false).prefix(3).map { String($0) }
      let words = parts.flatMap { DICOMWords($0).all }.filter { $0 != Self.dummy }
      for word in words {
        if word.unicodeScalars.allSatisfy({ $0.value < 0x2E80 }) {
          if word.count >= 3 { names.insert(word) }
        } else if word.count >= 2 {
          unspaced.insert(word)
        }
      }
      // Short names are known by standing beside each other.
      for (a, b) in zip(words, words.dropFirst()) {
        phrases.formUnion(["\(a) \(b)", "\(b) \(a)"])
        names.formUnion([a + b, b + a].filter { $0.count >= 4 })
      }
    }
  }

  private mutating func add(number text: String) {
    let words = DICOMWords(text).all
    for number in words + [words.joined()] where number.count >= 3 && number.utf8.contains(where: { $0 < 0x3A }) {
      numbers.insert(number)
      let digits = String(number.drop { $0 == "0" })
      if digits.count >= 3 { numbers.insert(digits) }
    }
    if words.joined().count >= 4 { numbers.insert(words.joined()) }
  }

  private mutating func add(place text: String) {
    let words = DICOMWords(text).all
    places.formUnion(words.filter { $0.count >= 3 && $0 != Self.dummy })
    if words.count > 1 { phrases.insert(words.prefix(3).joined(separator: " ")) }
  }

  private static let months = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
  ]

  private mutating func add(day text: String) {
    guard let date = DICOMDate(text), let month = date.month, let day = date.day else { return }
    let digits = text.filter { $0.isASCII && $0.isNumber }
    let (year, mm, dd) = (digits.prefix(4), digits.dropFirst(4).prefix(2), digits.suffix(2))
    numbers.formUnion([digits, "\(dd)\(mm)\(year)", "\(mm)\(dd)\(year)"].map { String($0) })
    let name = Self.months[month - 1]
    phrases.formUnion([
      "\(year) \(mm) \(dd)", "\(dd) \(mm) \(year)", "\(mm) \(dd) \(year)", "\(day) \(month) \(year)",
      "\(month) \(day) \(year)", "\(dd) \(name) \(year)", "\(day) \(name) \(year)", "\(name) \(dd) \(year)",
      "\(name) \(day) \(year)",
    ])
  }

  private static let dummy = DICOMDummy.word.lowercased()
}

extension DICOMRecordIdentifiers {
  /// One of them stands in the text, as it is.
  func stand(in text: String) -> Bool {
    let words = DICOMWords(text)
    for word in words.all where names.contains(word) || isNumber(word) { return true }
    return standsPhrase(in: words) || standsUnspaced(in: text) || standsUID(in: text)
  }

  /// A code is nobody's name because it is a word: only whole names and numbers are looked for.
  func stand(inCode text: String) -> Bool {
    let words = DICOMWords(text)
    return words.all.contains { $0.count >= 4 && isNumber($0) } || standsPhrase(in: words)
  }

  /// A number of theirs stands where one is measured or counted; shorter ones may be anything's.
  func stand(inNumbers bytes: ArraySlice<UInt8>) -> Bool {
    guard bytes.count >= 6, !numbers.isEmpty else { return false }
    return bytes.split(separator: DICOMText.backslash).contains { value in
      let text = DICOMText.trimmed(value, .is)
      return text.count >= 6 && numbers.contains(String(decoding: text, as: UTF8.self))
    }
  }

  /// The text may hold them, in whatever writing, or something else that texts about nobody rarely hold: dates,
  /// long numbers, addresses, titles.
  func mayStand(in text: String) -> Bool {
    if isCrowded || stand(in: text) || Self.isSuspicious(text) { return true }
    let words = DICOMWords(text).all
    let together = words.joined()
    if numbers.contains(where: { $0.count >= 5 && together.contains($0) }) { return true }
    return words.contains { word in
      places.contains(word)
        || names.contains { name in
          name.count >= 5 && word.count >= 4 && (DICOMWords.isNear(name, word) || word.contains(name))
        }
    }
  }

  private func isNumber(_ word: String) -> Bool {
    guard !numbers.isEmpty, word.utf8.count >= 3 else { return false }
    if numbers.contains(word) { return true }
    return word.utf8.first == 0x30 && numbers.contains(String(word.drop { $0 == "0" }))
  }

  private func standsPhrase(in words: DICOMWords) -> Bool {
    guard words.all.count > 1, !phrases.isEmpty else { return false }
    let words = words.all
    for start in 1..<words.count {
      let pair = "\(words[start - 1]) \(words[start])"
      if phrases.contains(pair) { return true }
      if start + 1 < words.count, phrases.contains("\(pair) \(words[start + 1])") { return true }
    }
    return false
  }

  private func standsUnspaced(in text: String) -> Bool {
    guard !unspaced.isEmpty, text.utf8.contains(where: { $0 >= 0x80 }) else { return false }
    let folded = DICOMWords(text).all.joined()
    return isCrowded || unspaced.contains { folded.contains($0) }
  }

  private func standsUID(in text: String) -> Bool {
    guard !uids.isEmpty, text.utf8.count >= 5 else { return false }
    let runs = text.utf8.split { !($0 == UInt8(ascii: ".") || (0x30...0x39).contains($0)) }
    return runs.contains { $0.count >= 5 && uids.contains(String(decoding: $0, as: UTF8.self)) }
  }

  private static func isSuspicious(_ text: String) -> Bool {
    if text.contains("@") || text.contains("^") || text.contains("://") { return true }
    let words = text.lowercased().split(separator: " ")
    if words.contains(where: { ["dr.", "prof.", "mrs", "mrs.", "mr.", "herr", "frau", "mme"].contains($0) }) {
      return true
    }
    return text.utf8.split { !isOfNumber($0) }.contains(where: isLong)
  }

  private static func isOfNumber(_ byte: UInt8) -> Bool {
    // Digits, and `-./:`.
    (0x2D...0x3A).contains(byte)
  }

  /// Five digits in a row; or six that are a date, a time or a telephone number by how they are parted.
  private static func isLong(_ number: Substring.UTF8View) -> Bool {
    let groups = number.split { $0 < 0x30 || $0 > 0x39 }.map(\.count)
    let longest = groups.max() ?? 0
    return longest >= 5 || (groups.reduce(0, +) >= 6 && (longest == 4 || groups.count >= 3))
  }
}
