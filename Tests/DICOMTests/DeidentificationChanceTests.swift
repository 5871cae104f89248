import Foundation
import Testing

@testable import DICOM

/// Data sets of chance with somebody's identity strewn over them: none of it is left.
@Suite struct DeidentificationChanceTests {
  private struct Person {
    var family, given, physician, number, accession, birth: String
    var uids: [String]

    init(_ generator: inout SeededGenerator) {
      func word(_ count: Int) -> String {
        String(decoding: (0..<count).map { _ in UInt8.random(in: 0x61...0x7A, using: &generator) }, as: UTF8.self)
          .capitalized
      }
      func digits(_ count: Int) -> String {
        (0..<count).map { _ in "\(Int.random(in: 1...9, using: &generator))" }.joined()
      }
      (family, given, physician) = (word(9), word(8), word(10))
      (number, accession) = (digits(8), "AC" + digits(7))
      birth = "\(Int.random(in: 1930...2010, using: &generator))1\(Int.random(in: 0...2, using: &generator))15"
      uids = (0..<4).map { "1.2.826.0.1.\(digits(9)).\($0)" }
    }

    /// What may be nowhere in what is left.
    var secrets: [String] { [family, given, physician, number, accession, birth] + uids }
  }

  /// Fills data sets with what the dictionary has, rows of the table and others alike.
  private struct Maker {
    var generator: SeededGenerator
    let person: Person
    let attributes: [DICOMAttribute]
    let isExplicit: Bool

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    private mutating func text() -> String {
      let secret = person.secrets.randomElement(using: &generator) ?? ""
      switch number(0...6) {
      case 0: return secret
      case 1: return "for \(secret.uppercased())"
      case 2: return "\(person.given) \(person.family), head"
      case 3: return "see \(secret.lowercased())/2"
      case 4: return "\(person.family)^\(person.given)"
      default: return "Head routine"
      }
    }

    mutating func elements(depth: Int) -> [Sample] {
      var elements: [UInt32: Sample] = [:]
      for _ in 0..<number(1...(depth == 0 ? 120 : 8)) {
        guard let attribute = attributes.randomElement(using: &generator) else { continue }
        let tag = attribute.tag.rawValue
        elements[tag] = element(tag, attribute, depth)
      }
      if number(0...1) == 0 {
        elements[0x0029_0010] = .text(0x0029_0010, .lo, person.family)
        elements[0x0029_1001] = .text(0x0029_1001, .lt, text())
        elements[0x0029_1002] = .value(0x0029_1002, .un, Array("\(person.number)  ".utf8))
      }
      return elements.values.sorted { $0.tag < $1.tag }
    }

    private mutating func element(_ tag: UInt32, _ attribute: DICOMAttribute, _ depth: Int) -> Sample? {
      // A VR that isn't the standard's.
      let isOdd = isExplicit && number(0...30) == 0
      let vr = isOdd ? .lt : attribute.vr
      switch vr {
      case .sq?:
        if depth > 3 { return nil }
        let items = (0..<number(0...2)).map { _ in (number(0...1) == 0, elements(depth: depth + 1)) }
        return .sequence(tag, undefined: number(0...1) == 0, items)
      case .pn?: return .text(tag, .pn, "\(person.family)^\(person.given)")
      case .ui?: return .text(tag, .ui, person.uids.randomElement(using: &generator) ?? "")
      case .da?, .dt?: return .text(tag, vr ?? .da, person.birth)
      case .cs?: return .text(tag, .cs, number(0...1) == 0 ? "HEAD" : person.number)
      case let vr? where vr.isText: return .text(tag, vr, text())
      // Pictures are nobody's to look at here.
      case .us?: return .value(tag, .us, [1, 0])
      default: return nil
      }
    }
  }

  /// Those that say nothing of how the data set is to be read, and no definitions of classes; nor UIDs of devices,
  /// which an option keeps.
  private static let attributes = DICOMDictionary.attributes.filter { attribute in
    let keyword = attribute.keyword
    let isDefinition =
      attribute.vr == .ui
      && ["Class", "DeviceUID", "TransferSyntax", "CodingScheme", "Context", "MappingResource"].contains {
        keyword.contains($0)
      }
    return DICOMDictionary.attribute(attribute.tag) == attribute && attribute.tag.group > 0x0002
      && attribute.tag != .specificCharacterSet && !isDefinition
      && attribute.tag != DICOMTag(0x0004, 0x1220) && attribute.tag.group != 0xFFFE
  }

  private static let choices: [Set<DICOMDeidentification.Option>] = [
    [], [.cleanDescriptors, .retainPatientCharacteristics, .retainModifiedDates],
    [
      .cleanDescriptors, .cleanGraphics, .cleanStructuredContent, .retainDeviceIdentity, .retainInstitutionIdentity,
      .retainSafePrivate, .retainModifiedDates, .retainPatientCharacteristics,
    ],
  ]

  @Test func `nothing of anybody is left in data sets of chance`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    var generator = SeededGenerator(seed: seed)
    for round in 0..<60 {
      let person = Person(&generator)
      var maker = Maker(generator: generator, person: person, attributes: Self.attributes, isExplicit: round % 2 == 0)
      var elements = maker.elements(depth: 0).filter { ![0x0010_0010, 0x0010_0020].contains($0.tag) }
      generator = maker.generator
      elements += [
        .text(0x0010_0010, .pn, "\(person.family)^\(person.given)"), .text(0x0010_0020, .lo, person.number),
        .text(0x0008_0050, .sh, person.accession), .text(0x0008_0090, .pn, "\(person.physician)^Ann"),
        .text(0x0010_0030, .da, person.birth),
        .text(0x0008_0058, .ui, person.uids.joined(separator: "\\")),
      ]
      let known = Dictionary(elements.map { ($0.tag, $0) }, uniquingKeysWith: { $1 })
      let object = try DICOMObject(Array(known.values), round % 2 == 0 ? .explicitLittle : .implicitLittle)
      for options in Self.choices {
        let draft = try deidentification(options).apply(to: object).draft
        let left = try draft.dataSet()
        let shown = String(decoding: try draft.bytes(), as: UTF8.self).lowercased()
        for secret in person.secrets where shown.contains(secret.lowercased()) {
          Issue.record("seed \(seed), round \(round), \(secret): \(Self.places(secret, left))")
        }
        #expect(left.elements.map(\.tag) == left.elements.map(\.tag).sorted(), "seed \(seed)")
        #expect(try rewritten(left) == draft.bytes(), "seed \(seed)")
      }
    }
  }

  private static func places(_ secret: String, _ dataSet: DICOMDataSet) -> [String] {
    dataSet.elements.flatMap { element -> [String] in
      if element.isSequence { return element.items.flatMap { places(secret, $0) } }
      let bytes = (try? element.bytes()).map { String(decoding: $0, as: UTF8.self).lowercased() } ?? ""
      return bytes.contains(secret.lowercased()) ? ["\(element.path) \(element.keyword) \(element.vr)"] : []
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func `data sets that were made to keep somebody busy are done all the same`() throws {
    // As deep as they may be.
    var deep: [Sample] = [.text(0x0010_0010, .pn, "Doe^Jane")]
    for level in 0..<127 {
      deep = [.text(0x0008_0104, .lo, "Doe"), .sequence(0x0040_A730, undefined: level % 2 == 0, [(true, deep)])]
    }
    let left = try deidentified(deep, deidentification([.cleanStructuredContent]))
    #expect(!String(decoding: try #require(left.bytes(left.range)), as: UTF8.self).contains("Doe"))
    // Very many names, and very many texts that are to be compared with them, in a character set that nobody declared.
    let many = (0..<4000).flatMap { number -> [Sample] in
      let word = (0..<4).map { String(UnicodeScalar(UInt8(0x61 + number / [1, 20, 400, 8000][$0] % 20))) }.joined()
      return [.text(0x0008_0090, .pn, "x\(word)^\(word)y"), .value(0x0008_1030, .lo, [0x41, 0xE4])]
    }
    let writer = SampleWriter(.explicitLittle)
    let object = try DICOMObject(writer.bytes(many), syntax: .explicitLittle)
    let report = try deidentification([.cleanDescriptors]).apply(to: object).report
    #expect(report.counts[.removed] == 4000 && report.counts[.emptied] == 4000)
  }

  /// What comes from strangers is never a reason to stop.
  @Test func `bytes of chance in a data set end in a data set`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    var generator = SeededGenerator(seed: seed)
    let rules = try deidentification([
      .cleanDescriptors, .cleanStructuredContent, .retainModifiedDates, .retainPatientCharacteristics,
    ])
    var read = 0
    for syntax in syntaxes where !syntax.isDeflated {
      var maker = SampleMaker(generator: generator, syntax: syntax)
      for _ in 0..<150 {
        var bytes = SampleWriter(syntax.encoding).bytes(maker.dataSet())
        for _ in 0..<Int.random(in: 0...6, using: &generator) where !bytes.isEmpty {
          bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
        }
        guard let object = try? DICOMObject(bytes, syntax: syntax) else { continue }
        let draft = try rules.apply(to: object).draft
        let said = try #require(try? draft.dataSet(), "seed \(seed)")
        #expect(try said["PatientIdentityRemoved"]?.text() == "YES", "seed \(seed)")
        read += 1
      }
    }
    #expect(read > 100)
  }
}
