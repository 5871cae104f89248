import Testing

@testable import DICOM

/// What strangers send.
@Suite struct DICOMHostileTests {
  private let writer = SampleWriter(.explicitLittle)

  private func kind(
    _ bytes: [UInt8], _ syntax: DICOMTransferSyntax? = .explicitLittle, _ limits: DICOMLimits = DICOMLimits()
  ) -> DICOMError.Kind? {
    do throws(DICOMError) {
      _ = try DICOMObject(bytes, syntax: syntax, limits: limits)
      return nil
    } catch {
      return error.kind
    }
  }

  @Test func `sequences 900 deep are refused, and 128 deep are read`() throws {
    func nested(_ depth: Int, undefined: Bool) -> [UInt8] {
      var bytes: [UInt8] = []
      for _ in 0..<depth {
        let length = undefined ? UInt32.max : UInt32(bytes.count)
        bytes = writer.tag(0xFFFE_E000) + writer.number(length, 4) + bytes
        if undefined { bytes += writer.tag(0xFFFE_E00D) + [0, 0, 0, 0] }
        let outer = undefined ? UInt32.max : UInt32(bytes.count)
        bytes = writer.tag(0x0040_A730) + Array("SQ".utf8) + [0, 0] + writer.number(outer, 4) + bytes
        if undefined { bytes += writer.tag(0xFFFE_E0DD) + [0, 0, 0, 0] }
      }
      return bytes
    }
    for undefined in [true, false] {
      #expect(kind(nested(900, undefined: undefined)) == .tooDeep(depthMax: 128))
      let bytes = nested(128, undefined: undefined)
      let object = try DICOMObject(bytes, syntax: .explicitLittle)
      #expect(try rewritten(object.dataSet) == bytes)
      #expect(DICOMDump().lines(of: object.dataSet).count == 256)
    }
    // Ten times a thousand deep, in nothing but headers that never end.
    let unknown: [UInt8] = [255, 255, 255, 255]
    let sequence: [UInt8] = writer.tag(0x0040_A730) + Array("SQ".utf8) + [0, 0] + unknown
    let level: [UInt8] = sequence + writer.tag(0xFFFE_E000) + unknown
    let endless = [[UInt8]](repeating: level, count: 10_000)
    #expect(kind(Array(endless.joined())) == .tooDeep(depthMax: 128))
  }

  @Test func `a length is no reason to allocate`() {
    for length: UInt32 in [0xFFFF_FFFE, 0x7FFF_FFFF, 0x8000_0000] {
      #expect(kind(writer.tag(0x7FE0_0010) + Array("OW".utf8) + [0, 0] + writer.number(length, 4)) == .truncated)
      #expect(kind(writer.tag(0x0040_A730) + Array("SQ".utf8) + [0, 0] + writer.number(length, 4)) == .truncated)
      #expect(
        kind(SampleWriter(.implicitLittle).tag(0x0010_0010) + writer.number(length, 4), .implicitLittle)
          == .truncated)
    }
    #expect(kind(writer.tag(0x0010_0010) + Array("PN".utf8) + [0xFF, 0xFF]) == .truncated)
  }

  @Test func `an undefined length is for sequences, UN and pixels alone`() {
    for (vr, expected) in [("UT", DICOMVR.ut), ("UC", .uc), ("OF", .of)] {
      let bytes = writer.tag(0x0040_A160) + Array(vr.utf8) + [0, 0, 255, 255, 255, 255]
      #expect(kind(bytes) == .undefinedLength(expected))
    }
    let implicit = writer.tag(0x0010_0010) + [255, 255, 255, 255]
    #expect(kind(implicit, .implicitLittle) == .undefinedLength(.pn))
    let fragment =
      writer.tag(0x7FE0_0010) + Array("OB".utf8) + [0, 0, 255, 255, 255, 255] + writer.tag(0xFFFE_E000)
      + [255, 255, 255, 255]
    #expect(kind(fragment) == .undefinedLength(.ob))
  }

  @Test func `nothing reaches beyond what it stands in`() {
    let name = writer.tag(0x0010_0010) + Array("PN".utf8) + [8, 0] + Array("Doe^Jane".utf8)
    func sequence(_ length: Int, _ content: [UInt8]) -> [UInt8] {
      writer.tag(0x0040_A730) + Array("SQ".utf8) + [0, 0] + writer.number(UInt32(length), 4) + content
    }
    func item(_ length: Int, _ content: [UInt8]) -> [UInt8] {
      writer.tag(0xFFFE_E000) + writer.number(UInt32(length), 4) + content
    }
    #expect(kind(sequence(24, item(16, name))) == nil)
    #expect(kind(sequence(24, item(17, name)) + [0]) == .overrun(length: 17))
    #expect(kind(sequence(22, item(14, name))) == .overrun(length: 8))
    #expect(kind(sequence(14, item(6, name))) == .unended)
    #expect(kind(sequence(25, item(16, name)) + [0]) == .unended)
    // Sequences that hold something else than items; items where elements should be.
    #expect(kind(sequence(16, name)) == .unexpected(DICOMTag(0x0010, 0x0010)))
    #expect(kind(item(16, name)) == .unexpected(.item))
    #expect(kind(sequence(24, item(16, item(8, [0, 0, 0, 0, 0, 0, 0, 0])))) == .unexpected(.item))
    // An item of undefined length whose sequence ends before it.
    let open = writer.tag(0xFFFE_E000) + [255, 255, 255, 255] + name
    #expect(kind(sequence(24, open)) == .unended)
  }

  @Test func `an error says where, and never what stands there`() throws {
    let bytes = writer.bytes([
      .text(0x0010_0010, .pn, "Geheim^Name"),
      .sequence(
        0x0040_0275, undefined: true,
        [(true, []), (true, [.text(0x0040_0009, .sh, "Geheim"), .value(0x0040_0007, .lo, [1, 2, 3, 4])])]),
    ])
    // The last value's length, made greater.
    let place = try #require(bytes.indices.last { bytes[$0...].starts(with: Array("LO".utf8)) })
    var wrong = bytes
    wrong[place + 3] = 0xFF
    let error = try #require(throws: DICOMError.self) { try DICOMObject(wrong, syntax: .explicitLittle) }
    #expect(error.kind == .truncated)
    #expect(error.path == "(0040,0275)[2]")
    let unended = try #require(throws: DICOMError.self) {
      try DICOMObject(Array(bytes.dropLast(8)) + [0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0], syntax: .explicitLittle)
    }
    #expect(unended.kind == .unexpected(.itemDelimiter) && unended.path == "(0040,0275)")
    let object = try DICOMObject(bytes, syntax: .explicitLittle)
    let name = try #require(object.dataSet["PatientName"])
    for shown in ["\(object)", "\(object.dataSet)", "\(name)", "\(error)", "\(unended)"] {
      #expect(!shown.contains("Geheim"), "\(shown)")
    }
    var dumped = ""
    dump(object, to: &dumped)
    dump(name, to: &dumped)
    #expect(!dumped.contains("Geheim") && !dumped.isEmpty)
  }

  @Test func `what is deflated to grow is stopped early`() throws {
    func bomb(_ megabytes: Int) throws -> [UInt8] {
      let deflater = try DICOMDeflater()
      var bytes = deflater.receive(
        writer.tag(0x7FE0_0010) + Array("OW".utf8) + [0, 0] + writer.number(UInt32(megabytes << 20), 4))
      let zeros = [UInt8](repeating: 0, count: 1 << 20)
      for _ in 0..<megabytes { bytes += deflater.receive(zeros) }
      return bytes + deflater.finish()
    }
    let bytes = try file(.deflated, bomb(100))
    #expect(bytes.count < 200_000)
    #expect(kind(bytes, nil) == .inflatedTooMuch(bytesMax: 1 << 30))
    var limits = DICOMLimits(inflatedBytesMax: 1 << 20, inflatedRatioMax: 100_000)
    #expect(kind(bytes, nil, limits) == .inflatedTooMuch(bytesMax: 1 << 20))
    limits = DICOMLimits(inflatedRatioMax: 100_000)
    var reader = DICOMReader(limits: limits)
    try reader.receive(bytes)
    let object = try reader.finish()
    #expect(object.dataSet[.pixelData]?.valueRange.count == 100 << 20)
    #expect(object.dataSet.index.store.bytes.count < 1_000, "nothing of what it grows to is kept")
    let plain = try file(.deflated, [0xFF, 0x00, 0x01, 0x02])
    #expect(kind(plain, nil) == .notDeflated)
    #expect(kind(try file(.deflated, Array(try bomb(1).dropLast(20))), nil) == .truncated)
  }

  @Test func `there is a limit of elements`() {
    let many = (0..<200).flatMap { writer.bytes([.value(0x0009_1000 + UInt32($0), .lo, [])]) }
    #expect(kind(many, .explicitLittle, DICOMLimits(elementsMax: 199)) == .tooManyElements(elementsMax: 199))
    #expect(kind(many, .explicitLittle, DICOMLimits(elementsMax: 200)) == nil)
  }

  @Test func `bytes of chance are read or refused, and what was read is shown and written`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    var generator = SeededGenerator(seed: seed)
    var read = 0
    for syntax in syntaxes {
      var maker = SampleMaker(generator: generator, syntax: syntax)
      for _ in 0..<400 {
        var bytes = SampleWriter(syntax.encoding).bytes(maker.dataSet())
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
          let place = Int.random(in: 0..<bytes.count, using: &generator)
          switch Int.random(in: 0..<3, using: &generator) {
          case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
          case 1: bytes.remove(at: place)
          default: bytes.insert([0, 0xFF, 0xFE, 0x1B].randomElement(using: &generator) ?? 0, at: place)
          }
        }
        let plain = syntax.isDeflated ? DICOMTransferSyntax.explicitLittle : syntax
        guard let object = try? DICOMObject(bytes, syntax: plain) else { continue }
        read += 1
        _ = DICOMDump().lines(of: object)
        #expect(try DICOMDraft(object.dataSet).bytes() == bytes, "seed \(seed)")
        var draft = DICOMDraft(object.dataSet)
        try draft.set(DICOMPath("InstitutionName"), .text("Hub"))
        let changed = try draft.bytes()
        let again = try DICOMObject(changed, syntax: plain, limits: DICOMLimits(acceptsTruncated: true))
        #expect(try again.dataSet["InstitutionName"]?.text() == "Hub" || !object.notes.isEmpty, "seed \(seed)")
      }
    }
    #expect(read > 100)
  }
}
