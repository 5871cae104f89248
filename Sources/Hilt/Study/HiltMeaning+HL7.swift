import HL7

/// What the tables of HL7, and the site's profile, say of a place.
extension HiltMeaning {
  init(message: MessageReference, _ checker: Checker) {
    switch message {
    case .input: self.init(title: "msg", summary: "the message that comes in")
    case .original: self.init(title: "original", summary: "the message that came in")
    case .sent: self.init(title: "sent", summary: "what the partner was sent")
    case .draft: self.init(title: "", summary: "a message that the program makes")
    }
    let versions = checker.versions(of: message)
    details = ["HL7 \(versions)"]
    var segments: [String] = []
    var groups: [String] = []
    for grammar in Self.grammars(of: message, checker) {
      for leaf in grammar.leaves {
        guard let code = leaf.code?.description, !segments.contains(code) else { continue }
        segments.append(code)
      }
      for group in grammar.groups.dropFirst() where !groups.contains(group.name) { groups.append(group.name) }
    }
    if segments.isEmpty { segments = HL7Tables.segmentNames }
    segments += checker.profile?.segments.keys.map(\.description).sorted().filter { !segments.contains($0) } ?? []
    members = segments.map { HiltMember(separator: ".", name: $0, kind: .segment, type: "segment", about: "") }
    members += groups.map { HiltMember(separator: ".", name: $0, kind: .group, type: "group", about: "") }
  }

  init(group: GroupType, _ checker: Checker) {
    let name =
      switch group.name {
      case .segment(let code): "\(code)"
      case .group(let name): name
      }
    self.init(title: name, summary: "a group of segments of the message")
    var segments: [String] = []
    var groups: [String] = []
    for grammar in Self.grammars(of: group.message, checker) {
      let holders =
        switch group.name {
        case .segment(let code): grammar.repeatingHolders(of: code).compactMap(\.group)
        case .group(let name): grammar.groups(named: name)
        }
      for holder in holders {
        for leaf in grammar.leaves[grammar.groups[holder].leaves] {
          guard let code = leaf.code?.description, !segments.contains(code) else { continue }
          segments.append(code)
        }
        for index in grammar.groups.indices where index != holder && grammar.group(index, isWithin: holder) {
          if !groups.contains(grammar.groups[index].name) { groups.append(grammar.groups[index].name) }
        }
      }
    }
    if segments.isEmpty, case .segment(let code) = group.name { segments = ["\(code)"] }
    members = segments.map { HiltMember(separator: ".", name: $0, kind: .segment, type: "segment", about: "") }
    members += groups.map { HiltMember(separator: "/", name: $0, kind: .group, type: "group", about: "") }
    members.append(HiltMember(separator: ".", name: "index", kind: .name, type: "number", about: "which turn, from 1"))
  }

  init(place: HL7Place, _ checker: Checker) {
    let versions = checker.versions(of: place.message)
    guard let field = place.field else {
      self.init(title: place.path, summary: "the segment \(place.code)")
      members = Self.fields(of: place.code, versions, checker)
      details = ["HL7 \(versions)"]
      return
    }
    self.init(title: place.path, summary: Self.described(place.kind))
    let parts: [HL7Part]
    if place.component == nil {
      parts = HL7Tables.segment(place.code)?.part(field, in: versions) ?? []
    } else {
      parts = Self.parts(of: place, field, versions)
    }
    if let newest = parts.last {
      let count = place.component == nil ? newest.count : nil
      summary = [newest.name, Self.described(place.kind), count].compactMap(\.self).filter { !$0.isEmpty }
        .joined(separator: ", ")
      if let table = newest.table { details.append("Table \(table)\(Self.shownCodes(place.kind, table, versions))") }
      let known = parts.reduce(into: HL7Versions()) { $0.formUnion($1.versions) }
      details.append("HL7 \(versions)" + (versions.isSubset(of: known) ? "" : "; it is in \(known)"))
    } else if checker.profile?.segments[place.code] != nil {
      details.append("From the profile \(checker.profile?.name ?? "").")
    }
    members = Self.components(of: place.kind, checker)
    codes = Self.codes(place.kind)
    if case .input = place.message, place.within == nil { input = Self.path(place) }
  }

  /// The structures that a message may have: of a copy those of the input.
  private static func grammars(of message: MessageReference, _ checker: Checker) -> [HL7Structure] {
    var checker = checker
    if case .draft(let draft) = message, checker.copies[draft] != nil { return checker.grammars(of: .input) }
    return checker.grammars(of: message)
  }

  /// The path of a place that needs no run to be known.
  private static func path(_ place: HL7Place) -> HL7Path? {
    switch (place.segment, place.repetition) {
    case (.only, .only), (.only, .index), (.index, .only), (.index, .index): HL7Path(place.path)
    default: nil
    }
  }

  /// A component or subcomponent, as the data types around it have it.
  private static func parts(of place: HL7Place, _ field: Int, _ versions: HL7Versions) -> [HL7Part] {
    var parts = HL7Tables.segment(place.code)?.part(field, in: versions) ?? []
    for number in [place.component, place.subcomponent].compactMap(\.self) {
      parts = Set(parts.map(\.type)).sorted().flatMap { HL7Tables.type($0)?.part(number, in: versions) ?? [] }
    }
    return parts
  }

  static func fields(of code: HL7SegmentCode, _ versions: HL7Versions, _ checker: Checker) -> [HiltMember] {
    let standard = HL7Tables.segment(code)
    let own = checker.profile?.segments[code]?.fields ?? [:]
    let numbers = Set(1...max(1, standard?.lastNumber(in: versions) ?? 1)).union(own.keys).sorted()
    return numbers.compactMap { number in
      if let part = own[number] {
        return HiltMember(
          separator: "-", name: "\(number)", kind: .field, type: part.type, about: "of the profile")
      }
      guard let part = standard?.part(number, in: versions).last else { return nil }
      return HiltMember(
        separator: "-", name: "\(number)", kind: .field, type: "\(part.type), \(part.count)", about: part.name)
    }
  }

  static func components(of kind: Kind, _ checker: Checker) -> [HiltMember] {
    var members: [Int: HiltMember] = [:]
    for (type, versions) in kind.types.sorted(by: { $0.key < $1.key }) {
      for (number, part) in checker.profile?.types[type] ?? [:] {
        members[number] = HiltMember(
          separator: ".", name: "\(number)", kind: .component, type: part.type, about: "of the profile")
      }
      guard let composite = HL7Tables.type(type) else { continue }
      for number in 1...max(1, composite.lastNumber(in: versions)) {
        guard let part = composite.part(number, in: versions).last, members[number] == nil else { continue }
        members[number] = HiltMember(
          separator: ".", name: "\(number)", kind: .component, type: part.type, about: part.name)
      }
    }
    return members.sorted { $0.key < $1.key }.map(\.value)
  }

  static func parts(of type: String, _ checker: Checker) -> [HiltMember] {
    if HL7Tables.type(type) != nil {
      var kind = Kind()
      kind.types = [type: checker.outputVersions ?? .all]
      return components(of: kind, checker)
    }
    guard let code = HL7SegmentCode(type) else { return elements(of: type) }
    return fields(of: code, checker.outputVersions ?? .all, checker)
  }

  static func described(_ kind: Kind) -> String {
    if kind.types.isEmpty { return "a value of a message" }
    if kind.types["varies"] != nil { return "a value whose type the message says" }
    return kind.name
  }

  static func codes(_ kind: Kind) -> [String] {
    let found = kind.tables.sorted { $0.key < $1.key }.flatMap { HL7Tables.codes(table: $0.key, in: $0.value) ?? [] }
    return Array(Set(found)).sorted()
  }

  private static func shownCodes(_ kind: Kind, _ table: String, _ versions: HL7Versions) -> String {
    guard let codes = HL7Tables.codes(table: table, in: versions), !codes.isEmpty else { return "" }
    return ": " + codes.prefix(24).joined(separator: ", ") + (codes.count > 24 ? ", …" : "")
  }
}

extension HL7Part {
  /// `0..1`, `1..*`
  var count: String { "\(countMin)..\(countMax.map(String.init) ?? "*")" }
}
