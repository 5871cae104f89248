import Testing

@testable import DICOM

@Suite struct DICOMReadingTests {
  private static func deflated(_ bytes: [UInt8]) throws -> [UInt8] {
    let deflater = try DICOMDeflater()
    return deflater.receive(bytes) + deflater.finish()
  }

  @Test func `data sets of chance are read as they were written, and written again bit for bit`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    for syntax in syntaxes {
      var maker = SampleMaker(generator: SeededGenerator(seed: seed), syntax: syntax)
      for round in 0..<250 {
        let sample = maker.dataSet()
        let plain = SampleWriter(syntax.encoding).bytes(sample)
        let bytes = try file(syntax, syntax.isDeflated ? Self.deflated(plain) : plain)
        let object = try DICOMObject(bytes)
        #expect(object.syntax == syntax)
        let isSame = try samples(object.dataSet) == sample
        #expect(isSame, "seed \(seed), round \(round), \(syntax)")
        let isWritten = try rewritten(object.dataSet) == plain
        #expect(isWritten, "seed \(seed), round \(round), \(syntax)")
        #expect(object.notes.isEmpty, "seed \(seed), round \(round), \(syntax): \(object.notes)")
        #expect(try object.file(with: DICOMDraft(object.dataSet)) == [.range(0..<bytes.count)])
        #expect(try rewritten(object.meta) == Array(bytes[132..<object.dataSetStart]))
      }
    }
  }

  @Test func `however a file is cut into pieces, the same is read`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    var generator = SeededGenerator(seed: seed)
    for syntax in syntaxes {
      var maker = SampleMaker(generator: generator, syntax: syntax)
      for round in 0..<40 {
        let plain = SampleWriter(syntax.encoding).bytes(maker.dataSet())
        let bytes = try file(syntax, syntax.isDeflated ? Self.deflated(plain) : plain)
        let whole = try DICOMObject(bytes)
        var reader = DICOMReader()
        var rest = bytes[...]
        let pieceMax = [1, 7, 200][round % 3]
        while !rest.isEmpty {
          let piece = rest.prefix(Int.random(in: 1...pieceMax, using: &generator))
          try reader.receive(piece)
          rest = rest.dropFirst(piece.count)
        }
        let object = try reader.finish()
        let isSame = try samples(object.dataSet) == samples(whole.dataSet)
        #expect(isSame, "seed \(seed), \(syntax)")
        #expect(object.dataSetStart == whole.dataSetStart && object.byteCount == bytes.count)
        #expect(object.dataSet.range == whole.dataSet.range, "seed \(seed), \(syntax)")
      }
    }
  }

  @Test func `pixels of a stream are a range and never kept, and what follows them is`() throws {
    let pixels = 300 << 20
    let writer = SampleWriter(.explicitLittle)
    let before = writer.bytes([.text(0x0010_0010, .pn, "Doe^Jane")])
    let header = writer.tag(0x7FE0_0010) + Array("OW".utf8) + [0, 0] + writer.number(UInt32(pixels), 4)
    let behind = writer.bytes([.value(0xFFFC_FFFC, .ob, [0, 0])])
    let head = try file(.explicitLittle, before + header)
    var reader = DICOMReader(limits: DICOMLimits(keptBytesMax: 1 << 20))
    try reader.receive(head)
    let piece = [UInt8](repeating: 1, count: 64 << 10)
    try reader.receive(piece)
    var sent = piece.count
    // Whoever can need not read them.
    #expect(reader.bytesToSkip == pixels - sent)
    reader.skip(100 << 20)
    sent += 100 << 20
    while sent + piece.count <= pixels {
      try reader.receive(piece)
      sent += piece.count
    }
    try reader.receive([UInt8](repeating: 1, count: pixels - sent) + behind)
    let object = try reader.finish()
    let element = try #require(object.dataSet[.pixelData])
    #expect(element.valueRange == head.count..<head.count + pixels)
    #expect(throws: DICOMError.self) { try element.bytes() }
    #expect(object.dataSet.index.store.bytes.count < 2_000)
    #expect(try object.dataSet["PatientName"]?.text() == "Doe^Jane")
    #expect(try object.dataSet[.trailingPadding]?.bytes() == [0, 0])
    #expect(object.byteCount == head.count + pixels + behind.count)
    // A change of the header leaves the pixels where they are.
    var draft = DICOMDraft(object.dataSet)
    try draft.set(DICOMPath("PatientName"), .text("X"))
    let stretches = try object.file(with: draft)
    #expect(stretches.contains(.range(head.count - 12..<object.byteCount)))
    #expect(stretches.reduce(0) { $0 + $1.byteCount } == object.byteCount - 6)
  }

  @Test func `fragments of a stream are ranges behind the offset table`() throws {
    let fragment = [UInt8](repeating: 7, count: 10_000)
    let syntax = DICOMTransferSyntax(uid: "1.2.840.10008.1.2.4.50")
    let sample: [Sample] = [.fragments(0x7FE0_0010, [[0, 0, 0, 0, 0x18, 0x27, 0, 0], fragment, fragment])]
    let bytes = try file(syntax, SampleWriter(.explicitLittle).bytes(sample))
    var reader = DICOMReader()
    for byte in bytes { try reader.receive(CollectionOfOne(byte)) }
    let element = try #require(try reader.finish().dataSet[.pixelData])
    #expect(element.isEncapsulated && element.fragments.map(\.count) == [10_000, 10_000])
    #expect(element.fragments.allSatisfy { bytes[$0].allSatisfy { $0 == 7 } })
    #expect(element.index.store.slice(try #require(element.offsetTable)) == [0, 0, 0, 0, 0x18, 0x27, 0, 0])
    #expect(element.index.store.bytes.count < 2_000)
  }

  @Test func `long values besides pixels aren't kept of a stream either, and short ones are up to a limit`() throws {
    let writer = SampleWriter(.explicitLittle)
    let document = writer.bytes([.value(0x0042_0011, .ob, [UInt8](repeating: 1, count: 50_000))])
    var limits = DICOMLimits()
    limits.keptValueBytesMax = 10_000
    limits.keptBytesMax = 20_000
    var reader = DICOMReader(syntax: .explicitLittle, limits: limits)
    try reader.receive(document)
    #expect(try reader.finish().dataSet.index.store.bytes.count == 12)
    reader = DICOMReader(syntax: .explicitLittle, limits: limits)
    let error = #expect(throws: DICOMError.self) {
      for number in 0..<5 {
        let tag = UInt32(0x0009_1000 + number)
        try reader.receive(writer.bytes([.value(tag, .ob, [UInt8](repeating: 1, count: 9_000))]))
      }
    }
    #expect(error?.kind == .tooLarge(bytesMax: 20_000))
  }

  @Test func `every prefix of a file is an error or a shorter file`() throws {
    let inner: [Sample] = [.text(0x0008_0100, .sh, "A"), .value(0x0028_0010, .us, [1, 0])]
    let sample: [Sample] = [
      .text(0x0008_0005, .cs, "ISO_IR 100"), .text(0x0010_0010, .pn, "Doe"),
      .sequence(0x0040_0275, undefined: true, [(true, inner), (false, inner)]),
      .sequence(0x0040_A730, undefined: false, [(true, [.sequence(0x0040_A730, undefined: true, [])])]),
      .fragments(0x7FE0_0010, [[], [1, 2, 3, 4]]),
    ]
    let bytes = try file(.explicitLittle, SampleWriter(.explicitLittle).bytes(sample))
    let whole = try DICOMObject(bytes)
    var read = 0
    for count in 0..<bytes.count {
      let prefix = Array(bytes.prefix(count))
      do throws(DICOMError) {
        let object = try DICOMObject(prefix)
        guard object.hasPreamble, object.dataSetStart == whole.dataSetStart else { continue }
        read += 1
        let part = try? samples(object.dataSet)
        #expect(part == Array(sample.prefix(part?.count ?? 0)), "\(count) bytes")
      } catch {
        #expect(error.offset <= count, "\(count) bytes")
      }
      var reader = DICOMReader(limits: DICOMLimits(acceptsTruncated: true))
      try reader.receive(prefix)
      _ = try? reader.finish()
    }
    #expect(read == sample.count, "what ends between two elements is read")
  }

  @Test func `a private group in front doesn't look like another byte order`() throws {
    let sample: [Sample] = [.text(0x3F03_0010, .lo, "ACME"), .value(0x3F03_1001, .us, [1, 0])]
    for syntax in [DICOMTransferSyntax.explicitLittle, .explicitBig, .implicitLittle] {
      let object = try DICOMObject(SampleWriter(syntax.encoding).bytes(sample), syntax: syntax)
      #expect(object.dataSet.elements.map(\.tag.rawValue) == sample.map(\.tag) && object.notes.isEmpty, "\(syntax)")
    }
  }

  @Test func `what ends early is read as far as it goes where that is wanted`() throws {
    let writer = SampleWriter(.explicitLittle)
    let bytes = writer.bytes([.text(0x0010_0010, .pn, "Doe"), .value(0x7FE0_0010, .ow, [1, 2, 3, 4, 5, 6])]).dropLast(3)
    #expect(throws: DICOMError.self) { try DICOMObject(Array(bytes), syntax: .explicitLittle) }
    let object = try DICOMObject(
      Array(bytes), syntax: .explicitLittle, limits: DICOMLimits(acceptsTruncated: true))
    #expect(try object.dataSet[.pixelData]?.bytes() == [1, 2, 3])
    #expect(object.notes.map(\.kind) == [.truncated])
  }
}
