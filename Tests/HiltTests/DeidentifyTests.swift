import DICOM
import Hilt
import Messages
import Synchronization
import Testing

@Suite("De-identification in the language")
struct DeidentifyTests {
  private let text = """
    Modality = CT
    StudyDate = 20261122
    PatientName = Doe^Jane
    PatientID = 42
    StudyInstanceUID = 1.2.3
    InstitutionName = St Elsewhere
    Rows = 512
    PixelData OW = bytes 100000
    """

  private let program = """
    transform t
      in dicom
      out dicom
    let out = deidentify(msg, profile: basic, key: "research-2026")
    out.PatientName = PN { family: out.PatientID }
    emit out

    """

  /// One key, by a function that reads it.
  private struct Keys: HiltFiles {
    let research: HiltKey
    init(_ read: @escaping @Sendable () throws -> [UInt8]) { research = HiltKey(read) }
    func read(_ path: String) throws -> [UInt8] { try NoHiltFiles().read(path) }
    func key(_ name: String) -> HiltKey? { name == "research-2026" ? research : nil }
    var keyNames: [String] { ["research-2026"] }
  }

  private func compiled(_ read: @escaping @Sendable () throws -> [UInt8]) throws -> HiltProgram {
    let (program, problems) = HiltProgram.compile(program, file: "t.hilt", files: Keys(read))
    #expect(problems == [])
    return try #require(program)
  }

  private static let key: @Sendable () -> [UInt8] = { Array("a key of more than sixteen bytes".utf8) }

  @Test("What goes out is new bytes with a head of its own, and the pixels are ranges of what came")
  func stretches() throws {
    var file = DICOMText.file(text)
    file.replaceSubrange(0..<8, with: Array("DOE JANE".utf8))
    let emitted = try #require(try compiled(Self.key).run(HiltInput(nil, bytes: file)).emitted.first)
    guard case .dicom(let stretches) = emitted.content else {
      Issue.record("\(emitted)")
      return
    }
    let new = stretches.reduce(0) { if case .bytes(let bytes) = $1 { $0 + bytes.count } else { $0 } }
    #expect(new < 2_000)
    guard case .range(let last)? = stretches.last else {
      Issue.record("pixels were copied")
      return
    }
    #expect(last.count >= 100_000 && last.upperBound == file.count)
    let made = try #require(emitted.made(of: file))
    #expect(Array(made.prefix(128)) == [UInt8](repeating: 0, count: 128))
    let object = try DICOMObject(made)
    let instance = try object.dataSet["SOPInstanceUID"]?.text()
    #expect(instance?.hasPrefix("2.25.") == true)
    #expect(try object.meta[.mediaStorageSOPInstanceUID]?.text() == instance)
    #expect(try object.dataSet["PatientIdentityRemoved"]?.text() == "YES")
    #expect(try object.dataSet["InstitutionName"]?.text() == "ANONYMIZED")
    let name = try object.dataSet["PatientName"]?.text()
    #expect(try name == object.dataSet["PatientID"]?.text() && name != "42")
    for word in ["Doe", "Jane", "Elsewhere", "DOE"] {
      #expect(!made.contains(Array(word.utf8)), "\(word)")
    }
  }

  @Test("What was read without its pixels is de-identified without them")
  func streamed() throws {
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
    let program = try compiled(Self.key)
    let result = program.run(input)
    #expect(result.decision == .routed)
    let made = try #require(result.emitted.first?.made(of: file))
    let whole = try #require(program.run(HiltInput(nil, bytes: file)).emitted.first?.made(of: file))
    #expect(made == whole)
  }

  @Test("The story says how much was done, where text in the pixels is likely, and nothing of what was there")
  func notes() throws {
    let file = DICOMText.file(text + "\nImageComments = Jane Doe\nBurnedInAnnotation = YES")
    let notes = try compiled(Self.key).run(HiltInput(nil, bytes: file)).notes.map(\.text)
    #expect(notes.count == 2)
    #expect(notes.first?.contains(/^de-identified: \d+ removed, .*\d+ UIDs given anew/) == true, "\(notes)")
    #expect(notes.last == "text in the pixels: declared")
    for word in ["Doe", "Jane", "Elsewhere", "42"] { #expect(!notes.joined().contains(word)) }
  }

  @Test("Another key gives another pseudonym, the same one the same")
  func keys() throws {
    let file = DICOMText.file(text)
    let other: @Sendable () -> [UInt8] = { Array("another key of sixteen bytes".utf8) }
    let made = try [Self.key, Self.key, other].map { key in
      try compiled(key).run(HiltInput(nil, bytes: file)).emitted.first?.made(of: file)
    }
    #expect(made[0] != nil && made[0] == made[1] && made[0] != made[2])
  }

  private struct Trouble: Error, CustomStringConvertible { let description = "the file /k does not exist" }

  @Test("A key that can't be read, or is short, lets nothing out")
  func missing() throws {
    let file = DICOMText.file(text)
    let reads = Mutex(0)
    let program = try compiled {
      switch reads.withLock({
        $0 += 1; return $0
      }) {
      case 1: throw Trouble()
      case 2: return Array("short".utf8)
      default: return Self.key()
      }
    }
    var messages: [String] = []
    for _ in 0..<4 {
      let result = program.run(HiltInput(nil, bytes: file))
      guard case .failed(let failure) = result.decision else { continue }
      #expect(failure.problem.code == "E602")
      #expect(result.emitted.isEmpty)
      messages.append(failure.problem.message)
    }
    #expect(
      messages == [
        "the key 'research-2026' can't be used: the file /k does not exist",
        "the key 'research-2026' can't be used: it has fewer than 16 bytes",
      ])
  }

  @Test("A key that nobody has said anything of is found before a run, also in an expression of a channel")
  func unknown() {
    let problems = HiltProgram.compile(program, file: "t.hilt").problems
    #expect(problems.map(\.code) == ["E602"])
    let context = HiltExpressionContext(format: .dicom, place: Place(file: "c.yaml", line: 1, column: 1))
    let found = HiltValue.compile(#"pseudonym(PatientID, key: "research-2026")"#, context).problems
    #expect(found.map(\.code) == ["E602"])
  }
}

extension [UInt8] {
  fileprivate func contains(_ word: [UInt8]) -> Bool {
    indices.dropLast(word.count - 1).contains { self[$0..<$0 + word.count].elementsEqual(word) }
  }
}
