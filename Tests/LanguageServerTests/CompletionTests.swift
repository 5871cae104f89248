import Testing
import Text

/// What may stand at the cursor.
@Suite struct CompletionTests {
  static let head = "transform t\n  in  hl7 2.5.1 ORU_R01\n  out hl7 2.5.1\n\nlet out = copy msg\n"

  private func labels(_ text: String, _ editor: Editor? = nil) throws -> [String] {
    try (editor ?? Editor()).completions(text).map { String($0.prefix { $0 != " " }) }
  }

  @Test func `fields and components come with name, type and number`() throws {
    let editor = try Editor()
    let fields = try editor.completions(Self.head + "let a = PID-‸\n")
    #expect(fields.contains("7 (date time of birth, TS, 0..1)"), "\(fields.prefix(9))")
    #expect(fields.contains { $0.hasPrefix("3 (patient identifier list, CX, 1..*") }, "\(fields.prefix(9))")
    #expect(fields.last?.hasPrefix("39 ") == true)
    let components = try editor.completions(Self.head + "let a = PID-5[1].‸\n")
    #expect(components.first?.hasPrefix("1 (family name, FN") == true, "\(components)")
    let inner = try editor.completions(Self.head + "let a = PID-5[1].1.‸\n")
    #expect(inner.first?.hasPrefix("1 (surname, ST") == true, "\(inner)")
  }

  @Test func `it is found in every place where a path may stand`() throws {
    let editor = try Editor()
    let places = [
      "out.PID-‸", "out.PID-‸ = \"x\"", "when MSH-‸", "when PID-‸ == \"A\" => drop \"x\"", "require PID-‸",
      "if PID-‸", "if PID-‸ {\n}\n", "note \"a {PID-‸}\"", "note \"a {PID-‸", "let b = upper(PID-‸",
      "let b = upper(PID-‸)",
      "for x in PID-‸ {\n}\n", "let b = match PID-‸ {\n  _ => 1\n}\n", "emit out meta { a: PID-‸ }",
      "for o in each OBR {\n  note o.PID-‸\n}\n", "out.PID-5[1] = XPN {\n  1: PID-‸,\n}\n", "remove out.PID-‸",
    ]
    for place in places {
      let found = try editor.completions(Self.head + place + "\nemit out\n")
      #expect(found.count > 10 && found.contains { $0.hasPrefix("3 (") }, "\(place): \(found.prefix(3))")
    }
  }

  @Test func `in a selector the parts of what is selected come`() throws {
    let editor = try Editor()
    for place in [
      "let a = PID-3[where .‸ == \"MR\"]", "let a = PID-3[where .‸]", "let a = PID-3[* where .5 == \"x\" and .‸]",
    ] {
      let found = try editor.completions(Self.head + place + "\nemit out\n")
      #expect(found.contains { $0.hasPrefix("5 (identifier type code, ID") }, "\(place): \(found)")
    }
    let fields = try editor.completions(Self.head + "let a = OBX[* where -‸ == \"x\"]\nemit out\n")
    #expect(fields.contains { $0.hasPrefix("2 (value type") }, "\(fields)")
  }

  @Test func `groups, rows, records, libraries and what the engine knows have their members`() throws {
    let editor = try Editor()
    try editor.write("w.csv", "ward,pas,name\nA,B,C\n")
    try editor.write("lib.hilt", "library lib\n\nconst hub = \"H\"\nfn whole(n) = n.1\n")
    let order = try labels(Self.head + "for order in each OBR {\n  note order.‸\n}\n", editor)
    #expect(
      order.contains("OBX") && order.contains("NTE") && order.contains("index") && !order.contains("PV1"), "\(order)")
    let message = try labels(Self.head + "note out.‸\nemit out\n", editor)
    #expect(message.contains("PID") && message.contains("PATIENT_RESULT") && !message.contains("RXA"), "\(message)")
    let head =
      "transform t\n  in hl7 2.5.1\n  import \"lib.hilt\" as names\n\n"
      + "table wards from \"w.csv\" key ward value pas, name\n"
    let row = try labels(head + "let w = wards[PV1-3.1] catch fail \"no\"\nnote w.‸\nemit msg\n", editor)
    #expect(row == ["pas", "name"])
    #expect(try labels(head + "note names.‸\nemit msg\n", editor) == ["whole", "hub"])
    let known = try labels(head + "note message.‸\nemit msg\n", editor)
    #expect(known.contains("received") && known.contains("source"))
    #expect(try labels(head + "note message.source.file.‸\nemit msg\n", editor) == ["name"])
    let lines =
      "transform t\n  in delimited separator \";\" header yes columns mrn, born\n\n"
      + "for row in msg.rows {\n  note row.‸\n}\n"
    #expect(try labels(lines, editor) == ["index", "mrn", "born"])
  }

  @Test func `names come from the innermost block outwards, and only where they can be seen`() throws {
    let editor = try Editor()
    let text =
      Self.head + "let later = 1\nfor o, turn in each OBR {\n  let inner = 2\n  note ‸\n}\nlet behind = 3\nemit out\n"
    let found = try labels(text, editor)
    let names = found.filter { ["out", "later", "o", "turn", "inner", "behind"].contains($0) }
    #expect(names.prefix(5) == ["inner", "turn", "o", "later", "out"] && !names.contains("behind"), "\(names)")
    #expect(found.contains("upper") && found.contains("PID") && found.contains("sort_by") && found.contains("XPN"))
    let element = try labels(Self.head + "let a = for id in PID-3[*] => ‸\nemit out\n", editor)
    #expect(element.first == "id", "\(element.prefix(3))")
    let library = try labels("library l\n\nfn one(first_value, b) = ‸\n", editor)
    #expect(library.contains("first_value") && library.contains("one"))
  }

  @Test func `heads have formats, versions, structures, files and columns`() throws {
    let editor = try Editor()
    try editor.write("codes/sex.csv", "local,hl7\n")
    try editor.write("lib.hilt", "library lib\n")
    let formats = ["hl7", "fhir", "json", "xml", "dicom", "delimited", "text", "bytes"]
    #expect(try labels("transform t\n  in ‸\n", editor) == formats)
    #expect(try labels("transform t\n  in hl7 ‸\n", editor).contains("2.5.1"))
    #expect(try labels("transform t\n  in hl7 2.5.1 ‸\n", editor).contains("ADT_A01"))
    #expect(try labels("transform t\n  in hl7 2.5.1 ADT_A01, ‸\n", editor).contains("ADT_*"))
    #expect(try labels("transform t\n  import \"‸\"\n", editor).contains("lib.hilt"))
    #expect(try labels("transform t\ntable s from \"‸", editor).contains("codes/"))
    #expect(try labels("transform t\ntable s from \"codes/‸", editor) == ["sex.csv"])
    #expect(try labels("transform t\ntable s from \"codes/sex.csv\" key ‸\n", editor) == ["local", "hl7"])
    #expect(try labels(Self.head + "let m = new ‸\n", editor).contains("ORM_O01"))
    #expect(try labels(Self.head + "if PID-8 is ‸ { }\n", editor).prefix(3) == ["valued", "absent", "null"])
    #expect(try labels("‸", editor).contains("transform"))
  }

  @Test func `records have the parts of their type, and texts the codes of their table`() throws {
    let editor = try Editor()
    let parts = try editor.completions(Self.head + "out.PID-5[1] = XPN { ‸ }\nemit out\n")
    #expect(parts.first?.hasPrefix("1 (family name") == true && parts.count > 5, "\(parts)")
    let second = try editor.completions(Self.head + "out.PID-3[1] = CX { 1: \"a\", ‸ }\nemit out\n")
    #expect(second.first?.hasPrefix("1 (id number") == true, "\(second.prefix(3))")
    for head in ["for order in each OBR {", "for o in out.OBX[*] where o-5[1] is NM {"] {
      let words = try labels(Self.head + "\(head)\n  ‸\n}\nemit out\n", editor)
      #expect(words.contains("let") && words.contains("out"), "\(head): \(words.prefix(3))")
    }
    let changed = try editor.completions(Self.head + "out.PID-3 = for id in PID-3[*] => id with { ‸ }\nemit out\n")
    #expect(changed.first?.hasPrefix("1 (id number") == true, "\(changed.prefix(3))")
    let copied = try editor.completions(Self.head + "out.PID = PID with { 8: \"F\", ‸\nemit out\n")
    #expect(copied.contains { $0.hasPrefix("7 (date time of birth") }, "\(copied.prefix(3))")
    for place in [
      "when ORC-1 == \"‸\" => drop \"x\"", "when ORC-1 == \"‸", "out.ORC-1 = \"‸\"",
      "when ORC-1 in [\"‸\"] => drop \"x\"",
    ] {
      let codes = try labels(Self.head + place + "\nemit out\n", editor)
      #expect(codes.contains("NW") && codes.contains("CA"), "\(place): \(codes)")
    }
    for place in [
      "let a = match ORC-1 {\n  \"NW\" => 1,\n  \"‸\"\n}", "match ORC-1 {\n  \"‸\" => note \"x\"\n}",
      "match ORC-1 {\n  \"CA\" | \"‸\n  _ => note \"x\"\n}",
    ] {
      let codes = try labels(Self.head + place + "\nemit out\n", editor)
      #expect(codes.contains("NW"), "\(place): \(codes)")
    }
    #expect(try labels(Self.head + "# PID-‸\n", editor).isEmpty)
    #expect(try labels(Self.head + "note \"PID-‸\"\n", editor).isEmpty)
  }

  @Test func `texts have the keys of a table, the files of a folder, the destinations of the channels`() throws {
    let editor = try Editor()
    try editor.write("wards-of.csv", "site,ward,pas\nN,W1,a\nN,W2,b\nS,W1,c\n")
    let table =
      "transform t\n  in hl7 2.5.1\n\ntable wards from \"wards-of.csv\" key site, ward value pas default \"\"\n"
    #expect(try labels(table + "note wards[\"‸\", \"W1\"]\nemit msg\n", editor) == ["N", "S"])
    #expect(try labels(table + "note wards[\"N\", \"‸\"]\nemit msg\n", editor) == ["W1", "W2"])
    let text = "transform t\ntable s from \"wards-o‸\"\n"
    try editor.open("t.hilt", text)
    let items = try editor.ask("textDocument/completion", "t.hilt", at: text)["items"]
    // What is written is replaced from the name's beginning on, dashes and all.
    let edit = try #require(items?.elements.first { _ in true }?["textEdit"])
    #expect(edit["newText"]?.text == "wards-of.csv" && Editor.range(edit) == "2:15-2:22")
    try editor.write("Transforms/t.hilt", "transform t\n  in hl7 2.5.1\n\nemit msg\n")
    try editor.write(
      "Channels/a.yaml",
      """
      channel: a
      source: {mllp: {port: 2575}}
      transform: ../Transforms/t.hilt
      destinations:
        ehr: {file: {directory: ehr, name: "{MSH-10}.hl7"}}
        lab: {file: {directory: lab, name: "{MSH-10}.hl7"}}
      """)
    let open = "transform t\n  in hl7 2.5.1\n\nwhen PID-8 == \"x\" => drop \"y\"\nemit msg to \"ehr\", \"‸\n"
    #expect(try editor.completions(open, in: "Transforms/t.hilt") == ["ehr", "lab"])
  }

  @Test func `elements of FHIR come with what the standard says of them`() throws {
    let editor = try Editor()
    let head =
      "transform t\n  in fhir r4 Bundle\n  out fhir r4 Bundle\n\nlet pat = msg.entry[*].resource[* of Patient][1]\n"
    let elements = try editor.completions(head + "note pat.‸\nemit msg\n")
    #expect(elements.contains { $0.hasPrefix("birthDate (") && $0.hasSuffix(", date, 0..1)") }, "\(elements)")
    #expect(elements.contains { $0.hasPrefix("deceased (one of deceasedBoolean, deceasedDateTime") }, "\(elements)")
    let each = try editor.completions(head + "for n in pat.name[*] where n.‸ == \"official\" { }\nemit msg\n")
    #expect(each.contains { $0.hasPrefix("use (") && $0.hasSuffix("code, 0..1)") }, "\(each)")
    #expect(try labels(head + "let b = new Bundle { type: \"batch\" }\nb.‸\n", editor) == ["upsert", "ensure", "add"])
    #expect(try labels(head + "let p = Patient { ‸ }\nemit msg\n", editor).contains("gender"))
    #expect(try labels(head + "let p = Patient { gender: \"‸\" }\nemit msg\n", editor).contains("female"))
    #expect(try labels(head + "when pat.gender == \"‸\" => drop \"x\"\nemit msg\n", editor).contains("female"))
    // A record knows where it goes, and so do its elements, on the first line of one and behind another.
    let out = "transform t\n  in hl7 2.5.1\n  out fhir r4 Patient\n\nemit Patient {\n  name: for n in PID-5[*] => "
    for record in ["{ ‸ },\n}\n", "{\r\n    ‸\r\n  },\n}\n", "{ text: n.1.1, fam‸ },\n}\n"] {
      #expect(try labels(out + record, editor).contains("family"), "\(record)")
    }
    #expect(try labels(out + "{ use: \"‸\" },\n}\n", editor).contains("official"))
    #expect(try labels(out + "{ period: { ‸ } },\n}\n", editor).contains("start"))
    // A record that was begun some lines above, and isn't closed yet; other statements follow or don't.
    for rest in ["", "\nemit msg\n", "  },\n  gender: \"male\",\n}\n", "  gender: \"male\",\n}\n"] {
      let fields = try editor.completions(out + "{ family: n.‸\n" + rest)
      #expect(fields.first?.hasPrefix("1 (family name") == true, "\(rest): \(fields.prefix(3))")
      #expect(try labels(out + "{\n    fam‸\n" + rest, editor).contains("family"), "\(rest)")
      #expect(try labels(out + "{ use: \"‸\n" + rest, editor).contains("official"), "\(rest)")
    }
    // A loop and a condition that stand for a value and have none yet.
    for line in [
      "  identifier: for id in PID-‸", "  identifier: for id in PID-3[*] where PID-‸",
      "  identifier: [for id in PID-3[*] where id.5 == PID-‸", "  identifier: [for id in PID-‸]",
      "  gender: if PID-‸", "  gender: if PID-8 == \"F\" then PID-‸",
    ] {
      let fields = try labels(out.replacing("name: for n in PID-5[*] => ", with: "") + line, editor)
      #expect(fields.contains("8"), "\(line)")
    }
    #expect(try editor.hover(out + "{‸ text: n.1.1 },\n}\n").contains("HumanName"))
    // Where an element has codes, they come first, as texts.
    for record in ["{ use: ‸ },\n}\n", "{ use: off‸\n", "{ family: n.1.1 },\n  gender: ‸\n"] {
      try editor.open("t.hilt", out + record)
      let items = try editor.ask("textDocument/completion", "t.hilt", at: out + record)["items"]
      let first = items?.elements.prefix { $0["detail"]?.text == "a code" }.compactMap {
        $0["textEdit"]?["newText"]?.text
      }
      #expect(first?.contains(record.contains("gender") ? "\"male\"" : "\"official\"") == true, "\(record)")
    }
    let key = try editor.hover(out + "{ fam‸ily: n.1.1 },\n  gender: \"male\" }\n")
    #expect(key.contains("**HumanName.family**") && key.contains("string, 0..1"), "\(key)")
    let coded = try editor.hover(out + "{ text: n.1.1 },\n  gen‸der: \"male\", deceased: true }\n")
    #expect(coded.contains("**Patient.gender**") && coded.contains("Codes: male, female"), "\(coded)")
    let choice = try editor.hover(out + "{ text: n.1.1 },\n  dece‸ased: true }\n")
    #expect(choice.contains("one of boolean, dateTime"), "\(choice)")
    #expect(try labels("transform t\n  in fhir ‸\n", editor) == ["r4"])
    #expect(try labels("transform t\n  in fhir r4 ‸\n", editor).contains("ServiceRequest"))
    let hover = try editor.hover(head + "note pat.bir‸thDate\nemit msg\n")
    #expect(hover.contains("**Patient.birthDate**") && hover.contains("date, 0..1"), "\(hover)")
  }

  @Test func `a call shows what it takes`() throws {
    let editor = try Editor()
    func help(_ text: String) throws -> (label: String?, parameter: String?) {
      try editor.open("t.hilt", text)
      let help = try editor.ask("textDocument/signatureHelp", "t.hilt", at: text)
      return (help["signatures"]?.elements.first { _ in true }?["label"]?.text, help["activeParameter"]?.number)
    }
    let found = try help(Self.head + "note replace(PID-8, upper(\"a\"), ‸)\n")
    #expect(found.label?.hasPrefix("replace(text, ") == true && found.parameter == "2", "\(found)")
    #expect(
      try help("library l\n\nfn a(n: XPN, b) -> text = n.1\nfn c(x) = a(x[1], ‸\n") == ("a(n: XPN, b) -> text", "1"))
    #expect(try help(Self.head + "note (1‸)\n").label == nil)
  }

  @Test func `a head's namespaces and the functions of XML come`() throws {
    #expect(try labels("transform t\n  in ‸\n").contains("xml"))
    #expect(try labels("transform t\n  in xml ‸\n").contains("hl7"))
    let functions = try labels("transform t\n  in  xml\n  out xml\n\nlet a = fi‸\nemit msg\n")
    #expect(functions.contains { $0.hasPrefix("find_all") }, "\(functions.prefix(20))")
  }

  @Test func `elements of DICOM come with VR, number of values and name`() throws {
    let editor = try Editor()
    let head = "transform t\n  in  dicom\n  out dicom\n\nlet out = copy msg\n"
    let found = try editor.completions(head + "note Patient‸\nemit out\n")
    #expect(found.contains("PatientName (Patient's Name, PN, 1)"), "\(found.prefix(9))")
    let members = try editor.completions(head + "out.Modal‸\nemit out\n")
    #expect(members.first == "Modality (Modality, CS, 1)", "\(members.prefix(3))")
    let inner = try labels(head + "note msg.RequestAttributesSequence[1].Sched‸\nemit out\n", editor)
    #expect(inner.contains("ScheduledProcedureStepID"))
    #expect(try labels(head + "note PatientName.‸\nemit out\n", editor).prefix(2) == ["family", "given"])
    #expect(try labels(head + "when Modality is absent => reject ‸\nemit out\n", editor).contains("CANNOT_UNDERSTAND"))
    #expect(try labels(head + "out.PatientName = PN { fa‸ }\nemit out\n", editor).contains("family"))
    let hover = try editor.hover(head + "note Acces‸sionNumber\nemit out\n")
    #expect(hover.contains("Accession Number, SH, 1") && hover.contains("(0008,0050)"), "\(hover)")
    let maker = try editor.hover(head + "note t‸ag(0019,\"GEMS_ACQU_01\",9C)\nemit out\n")
    #expect(maker.contains("GEMS_ACQU_01"), "\(maker)")
  }
}
