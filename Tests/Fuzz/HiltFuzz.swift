// Programs: any text compiles or is refused with problems, and what compiles comes to an end over any message.

private let message = try? HL7Message(
  Array(
    ("MSH|^~\\&|A|B|C|D|20260101||ORU^R01^ORU_R01|1|P|2.5\rPID|1||4711^^^H^MR~12||Doe^Jane||19700101|F\rNTE|1||x\r"
      + "PV1|1|I|W^1^2\rORC|RE\rOBR|1|P1|F1|a^b\rNTE|1||y\rOBX|1|NM|c^d||5|mg|||||F\rNTE|1||z\rOBX|2|TX|e||f\\.br\\g\r"
      + "OBR|2|P2|F2|h\rOBX|1|CE|i||j^k\rSPM|1\rZPV|1|VIP\r").utf8))

/// What programs may import or look things up in.
private struct Files: HiltFiles {
  func read(_ path: String) throws -> [UInt8] {
    path.hasSuffix(".hilt")
      ? Array("library names\nconst hub = \"HUB\"\nfn whole(n) = \"{n.2} {n.1.1}\"\n".utf8)
      : Array("local,hl7,name\n1,M,x\n2,F,\n".utf8)
  }
}

/// An object of DICOM, implicit and little endian, without a head: modality, a name, a sequence of one item.
private let object: [UInt8] = [
  [8, 0, 0x60, 0, 2, 0, 0, 0], Array("CT".utf8), [0x10, 0, 0x10, 0, 4, 0, 0, 0], Array("Do^J".utf8),
  [0x40, 0, 0x75, 2, 20, 0, 0, 0, 0xFE, 0xFF, 0, 0xE0, 12, 0, 0, 0, 0x40, 0, 9, 0, 4, 0, 0, 0], Array("S1 x".utf8),
].flatMap(\.self)

/// What comes in, of the format that a program takes.
private func content(_ format: Format) -> [UInt8] {
  switch format {
  case .json, .fhir: Array(#"{"resourceType": "Patient", "id": "a", "name": [{"family": "Doe"}], "x": [1, {}]}"#.utf8)
  case .xml:
    Array(
      ("<ClinicalDocument xmlns=\"urn:hl7-org:v3\" xmlns:x=\"urn:x\" x:a=\"1\"><title> t </title>"
        + "<a><b c=\"1\">x<d/>y</b><b x:c=\"2\"/></a><observation><value xmlns=\"\" n=\"5.1\"/></observation>"
        + "</ClinicalDocument>").utf8)
  case .dicom: object
  default: Array("a;b\n\"c\";d\n".utf8)
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  let (program, problems) = HiltProgram.compile(text, file: "fuzz.hilt", files: Files())
  precondition(program != nil || !problems.isEmpty || text.contains("library"), "refused without a reason")
  for problem in problems { _ = problem.rendered(source: text) }
  if let program {
    var input = HiltInput(message, original: message, sent: message, bytes: content(program.input.format))
    input.limits.stepsMax = 200_000
    let result = program.run(input, tracing: count % 2 == 0, observing: count % 3 == 0)
    for emitted in result.emitted where emitted.format == .xml {
      guard case .bytes(let bytes) = emitted.content else { continue }
      precondition((try? XMLDocument(bytes)) != nil, "what was given out is no XML")
    }
  }
  if count % 4 == 0 { ask(text) }
  return 0
}

/// What an editor asks is answered of any text.
private func ask(_ text: String) {
  let study = HiltStudy(text, file: "fuzz.hilt", files: Files())
  for offset in stride(from: 0, through: text.utf8.count, by: 1 + text.utf8.count / 16) {
    _ = study.meaning(at: offset)?.meaning.members
    _ = study.meaning(endingAt: offset)?.members
    for name in study.visible(at: offset).prefix(8) { _ = study.meaning(of: name) }
    _ = study.name(at: offset)
  }
}
