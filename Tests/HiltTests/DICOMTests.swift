import DICOM
import Hilt
import Messages
import Testing

/// Objects of DICOM in programs: what conformance cases can't show.
@Suite struct DICOMTests {
  private let text = """
    SpecificCharacterSet = ISO_IR 192
    Modality = CT
    ImageType = ORIGINAL\\PRIMARY\\AXIAL
    PatientName = Müller^Jürgen
    PatientID = 42
    Rows = 512
    SliceThickness = 1.50
    RequestAttributesSequence[1].ScheduledProcedureStepID = S1
    RequestAttributesSequence[2].ScheduledProcedureStepID = S2
    PixelData OW = bytes 100000
    """

  private func compiled(_ body: String) throws -> HiltProgram {
    let (program, problems) = HiltProgram.compile("transform t\n  in dicom\n  out dicom\n\(body)\n", file: "t.hilt")
    #expect(problems == [])
    return try #require(program)
  }

  @Test func `a changed object is new bytes and ranges of what came, pixels among them`() throws {
    let program = try compiled("let out = copy msg\nout.PatientID = \"HUB-1\"\nemit out")
    let file = DICOMText.file(text)
    let result = program.run(HiltInput(nil, bytes: file))
    let emitted = try #require(result.emitted.first)
    guard case .dicom(let stretches) = emitted.content else {
      Issue.record("\(emitted)")
      return
    }
    let new = stretches.reduce(0) { if case .bytes(let bytes) = $1 { $0 + bytes.count } else { $0 } }
    #expect(new < 300)
    guard case .range(let last)? = stretches.last else {
      Issue.record("pixels were copied")
      return
    }
    #expect(last.count > 100_000 && last.upperBound == file.count)
    let made = try DICOMObject(try #require(emitted.made(of: file))).dataSet
    #expect(try made["PatientID"]?.text() == "HUB-1")
    #expect(try made["PixelData"]?.bytes() == DICOMObject(file).dataSet["PixelData"]?.bytes())
  }

  @Test func `what was read without its pixels is changed without them`() throws {
    let file = DICOMText.file(text)
    var reader = DICOMReader()
    var offset = 0
    while offset < file.count {
      let skipped = min(reader.bytesToSkip, file.count - offset)
      if skipped > 0 { reader.skip(skipped) }
      offset += skipped
      let end = min(file.count, offset + 1_000)
      try reader.receive(file[offset..<end])
      offset = end
    }
    var input = HiltInput(nil)
    input.dicom = try reader.finish()
    let program = try compiled(
      """
      let out = copy msg
      out.PatientName = PN { family: PatientName.family }
      note PatientName.given ?? ""
      emit out
      """)
    let result = program.run(input)
    #expect(result.decision == .routed)
    #expect(result.notes.map(\.text) == ["Jürgen"])
    let made = try #require(result.emitted.first?.made(of: file))
    #expect(try DICOMObject(made).dataSet["PatientName"]?.text() == "Müller")
    #expect(Array(made.suffix(100_000)) == Array(file.suffix(100_000)))
  }

  @Test(arguments: [DICOMTransferSyntax.implicitLittle, .explicitLittle, .explicitBig, .deflated])
  func `every transfer syntax is read and written`(_ syntax: DICOMTransferSyntax) throws {
    let program = try compiled(
      """
      let out = copy msg
      out.Rows = Rows * 2
      out.SliceThickness = SliceThickness + 1
      for item in out.RequestAttributesSequence[*] { item.StudyID = "x{item.ScheduledProcedureStepID}" }
      note "{Rows} {PatientName} {TransferSyntaxUID}"
      emit out
      """)
    var text = text
    // Nobody knows how many numbers a pixel has where it is turned round.
    text = text.replacing("PixelData OW = bytes 100000", with: "PatientComments = x")
    let file = syntax == .deflated ? try deflated(text) : DICOMText.file(text, syntax: syntax)
    let result = program.run(HiltInput(nil, bytes: file))
    #expect(result.notes.map(\.text) == ["512 Müller^Jürgen \(syntax.uid)"])
    let made = try #require(result.emitted.first?.made(of: file))
    let object = try DICOMObject(made)
    #expect(object.syntax == syntax)
    #expect(try object.dataSet["Rows"]?.integers() == [1024])
    #expect(try object.dataSet["SliceThickness"]?.text() == "2.50")
    #expect(try object.dataSet[path: DICOMPath("RequestAttributesSequence[2].StudyID")]?.text() == "xS2")
  }

  /// A file whose data set is deflated, as a draft of it writes it.
  private func deflated(_ text: String) throws -> [UInt8] {
    let plain = DICOMText.file(text)
    let object = try DICOMObject(plain)
    let draft = try DICOMDraft(object.dataSet, as: .deflated)
    var changed = draft
    try changed.set(DICOMPath("Modality"), .text("CT"))
    return try object.file(with: changed).flatMap { stretch in
      switch stretch {
      case .bytes(let bytes): return bytes
      case .range(let range): return Array(plain[range])
      }
    }
  }

  @Test func `a new instance UID stands in front of the data set too`() throws {
    let program = try compiled("let out = copy msg\nout.SOPInstanceUID = \"1.9.9\"\nemit out")
    let file = DICOMText.file(text)
    let made = try #require(program.run(HiltInput(nil, bytes: file)).emitted.first?.made(of: file))
    #expect(try DICOMObject(made).meta[.mediaStorageSOPInstanceUID]?.uids() == ["1.9.9"])
  }

  @Test func `what it costs is bounded by the elements, and ends a run at the same step`() throws {
    let items = (1...400).map { "RequestAttributesSequence[\($0)].StudyID = \($0)" }.joined(separator: "\n")
    let file = DICOMText.file(items)
    let program = try compiled(
      """
      let out = copy msg
      for item in out.RequestAttributesSequence[*] {
        for other in out.RequestAttributesSequence[*] { other.StudyID = item.StudyID }
      }
      emit out
      """)
    var input = HiltInput(nil, bytes: file)
    input.limits.stepsMax = 100_000
    guard case .failed(let failure) = program.run(input).decision else {
      Issue.record("it came to its end")
      return
    }
    #expect(failure.problem.code == "E901")
    #expect(program.run(input).decision == .failed(failure))
  }

  @Test func `channel expressions read elements`() throws {
    let context = HiltExpressionContext(format: .dicom, place: Place(file: "ct.yaml", line: 1, column: 1))
    let input = HiltInput(nil, bytes: DICOMText.file(text))
    let condition = try #require(HiltCondition.compile(#"Modality in ["CT", "MR"]"#, context).condition)
    #expect(try condition.holds(input))
    let template = try #require(HiltTemplate.compile("{SOPInstanceUID}-{PatientName.family}.dcm", context).template)
    #expect(
      try template.pieces(input) == [
        .value(.text("1.2.3.4"), of: "SOPInstanceUID"), .literal("-"),
        .value(.text("Müller"), of: "PatientName.family"), .literal(".dcm"),
      ])
    let value = try #require(HiltValue.compile("RequestAttributesSequence[1].ScheduledProcedureStepID", context).value)
    #expect(try value.text(input) == .text("S1"))
    #expect(HiltValue.compile("Modalty", context).problems.map(\.code) == ["E402"])
    #expect(throws: HiltFailure.self) { try value.text(HiltInput(nil, bytes: [1, 2, 3])) }
  }

  @Test func `objects with bytes changed go through every conformance program of DICOM, and never trap`() throws {
    var generator = SeededGenerator(seed: 20_261_122)
    let cases = ConformanceCase.all.filter { $0.program.contains("in  dicom") }
    let programs = cases.compactMap { test in
      HiltProgram.compile(test.program, file: "program").program.map {
        ($0, DICOMText.file(test.sections("input").first?.text ?? ""))
      }
    }
    #expect(programs.count > 10)
    for turn in 0..<2_000 {
      let (program, _) = try #require(programs.randomElement(using: &generator))
      var bytes = try #require(programs.randomElement(using: &generator)).1
      for _ in 0..<Int.random(in: 0...4, using: &generator) where bytes.count > 140 {
        let place = Int.random(in: 132..<bytes.count, using: &generator)
        switch turn % 3 {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: place)
        default: bytes.insert(UInt8.random(in: 0...15, using: &generator), at: place)
        }
      }
      let result = program.run(HiltInput(nil, bytes: bytes, limits: HiltLimits(stepsMax: 50_000)), tracing: true)
      for emitted in result.emitted where emitted.format == .dicom {
        guard let made = emitted.made(of: bytes) else { continue }
        #expect((try? DICOMObject(made)) != nil, "what comes out can be read again; turn \(turn)")
      }
    }
  }
}
