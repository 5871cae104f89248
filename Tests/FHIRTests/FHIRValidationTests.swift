import FHIR
import Testing

/// What is wrong with resources, all at once.
@Suite struct FHIRValidationTests {
  /// `place code: text`
  private func issues(_ text: String) -> [String] {
    FHIRValidation.issues(Array(text.utf8)).map { "\($0.expression) \($0.code.rawValue): \($0.text)" }
  }

  private func patient(_ more: String) -> [String] { issues(#"{"resourceType":"Patient",\#(more)}"#) }

  private func observation(_ more: String) -> [String] {
    issues(#"{"resourceType":"Observation","status":"final","code":{"text":"x"},\#(more)}"#)
  }

  @Test func `a resource in order has no problem`() {
    #expect(
      patient(
        """
        "id": "p1", "active": true, "name": [{"use": "official", "family": "Müller", "given": ["Anna", null],
        "_given": [null, {"extension": [{"url": "http://x.example/absent", "valueCode": "unknown"}]}]}],
        "gender": "female", "birthDate": "1980-02-29", "_birthDate": {"id": "b"}, "deceasedBoolean": false,
        "multipleBirthInteger": 2, "contained": [{"resourceType": "Organization", "id": "o", "name": "H"}],
        "managingOrganization": {"reference": "#o"}, "generalPractitioner": [{"reference": "Practitioner/7"}],
        "text": {"status": "generated", "div": "<div xmlns=\\"http://www.w3.org/1999/xhtml\\">x</div>"}
        """) == [])
    #expect(observation(#""valueQuantity":{"value":1.10,"comparator":"<","unit":"mg"}"#) == [])
  }

  @Test func `what is no resource is told as what it is`() {
    #expect(issues("") == [" structure: no JSON: there is nothing"])
    #expect(issues("[]") == [" structure: a resource is needed: an object"])
    #expect(issues("{}") == [" structure: a resource says what it is: \"resourceType\""])
    #expect(
      issues(#"{"resourceType":"Pateint"}"#) == [" structure: R4 has no such resource: did you mean \"Patient\"?"])
    #expect(issues(#"{"resourceType":"DomainResource"}"#) == [" structure: R4 has no such resource"])
    #expect(
      issues(#"{"resourceType":"Patient","id":"1","id":"2"}"#) == [
        " structure: no JSON: the object has this key already"
      ])
  }

  @Test func `all problems are told, each with its place in the resource and in the text`() {
    let text = """
      {
        "resourceType": "Observation",
        "performers": [],
        "status": "finel",
        "value": "x",
        "category": {"text": "lab"},
        "effectiveDateTime": "2024-02-30",
        "component": [{"code": {"text": "c"}}, {"code": null}]
      }
      """
    let found = FHIRValidation.issues(Array(text.utf8))
    #expect(
      found.map { "\($0.line):\($0.column) \($0.expression) \($0.text)" } == [
        "3:3 Observation Observation (R4) has no such element: did you mean \"performer\"?",
        "4:13 Observation.status not a code of status: did you mean \"final\"?",
        "5:3 Observation Observation has value[x]: its name says the type (valueBoolean, valueCodeableConcept, "
          + "valueDateTime, valueInteger, …)",
        "6:15 Observation.category category is a list, also of one: […]",
        "7:24 Observation.effectiveDateTime a date, or with hours one with seconds and offset: "
          + "2024-02-29T08:30:00+01:00",
        "8:51 Observation.component[1].code null: FHIR leaves out what has no value",
        "1:1 Observation Observation needs code (Type of observation (code / type))",
      ])
  }

  @Test(arguments: [
    (#""name": {"family": "x"}"#, "Patient.name structure: name is a list, also of one: […]"),
    (#""gender": ["male"]"#, "Patient.gender structure: there is one gender at most, and no list"),
    (#""name": []"#, "Patient.name structure: an empty list: FHIR leaves out what has no value"),
    (#""maritalStatus": {}"#, "Patient.maritalStatus structure: an empty object: FHIR leaves out what has no value"),
    (#""name": [{"family": ""}]"#, "Patient.name[0].family value: an empty text: FHIR leaves out what has no value"),
    (
      #""name": [{"given": ["a", null]}]"#,
      "Patient.name[0].given[1] structure: null: FHIR leaves out what has no value"
    ),
    (#""active": "true""#, "Patient.active value: true or false is needed, without quotes"),
    (#""birthDate": 1980"#, "Patient.birthDate value: a text in quotes is needed"),
    (
      #""multipleBirthInteger": 1.0"#,
      "Patient.multipleBirthInteger value: a whole number of 32 bits is needed, without point and exponent"
    ),
    (
      #""deceasedBoolean": true, "deceasedDateTime": "2024""#,
      "Patient structure: Patient has one deceased[x], and not deceasedBoolean and deceasedDateTime"
    ),
    (
      #""link": [{"other": {"reference": "Patient/2"}}]"#,
      "Patient.link[0] required: PatientLink needs type (replaced-by | replaces | refer | seealso)"
    ),
    (
      #""managingOrganization": {"reference": "Patient/2"}"#,
      "Patient.managingOrganization structure: managingOrganization leads to Organization, not to Patient"
    ),
    (
      ##""managingOrganization": {"reference": "#o"}"##,
      "Patient.managingOrganization value: the resource contains nothing with this id"
    ),
    (#""_name": [{"id": "a"}]"#, "Patient structure: Patient (R4) has no such element: did you mean \"name\"?"),
    (
      #""name": [{"given": ["a"], "_given": [null, {"id": "b"}]}]"#,
      "Patient.name[0].given structure: _given has as many elements as given, null where there is nothing"
    ),
    (
      #""contact": [{"gender": "male"}]"#,
      "Patient.contact[0] invariant: pat-1: a contact has details: name, telecom, address or organization"
    ),
    (#""telecom": [{"value": "1"}]"#, "Patient.telecom[0] invariant: cpt-2: a value needs a system (phone, email, …)"),
    (
      #""identifier": [{"period": {"start": "2024-05", "end": "2024-04-01"}}]"#,
      "Patient.identifier[0].period invariant: per-1: the start is not after the end"
    ),
    (
      #""extension": [{"url": "u"}]"#,
      "Patient.extension[0] invariant: ext-1: an extension has either extensions or a value"
    ),
  ]) func `one thing wrong is one problem`(more: String, problem: String) { #expect(patient(more) == [problem]) }

  @Test(arguments: [
    ("boolean", ["true"], ["True", "1"]),
    ("integer", ["0", "-7", "2147483647"], ["+1", "01", "2147483648", "-", "1e3"]),
    ("positiveInt", ["1"], ["0", "-1"]), ("unsignedInt", ["0"], ["-1"]),
    ("code", ["a", "a b"], [" a", "a ", "a  b", ""]),
    ("id", ["A-1.b", String(repeating: "a", count: 64)], ["a_b", ""]),
    ("id", [], [String(repeating: "a", count: 65)]), ("string", ["a\tb"], ["a\u{1}"]),
    ("uri", ["http://a.example/x", "urn:x"], ["a b"]),
    ("oid", ["urn:oid:2.16.840.1"], ["2.16.840", "urn:oid:3.1", "urn:oid:1.01"]),
    (
      "uuid", ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
      ["urn:uuid:C757873D-ec9a-4326-a141-556f43239520", "c757"]
    ),
    ("base64Binary", ["YQ==", "YW\nJj"], ["YQ=", "Y===", "YQ==YQ==", "Y?=="]),
    (
      "date", ["2024", "2024-02", "2024-02-29", "2000-02-29"],
      ["24", "2023-02-29", "1900-02-29", "2024-13", "2024-2-1", "2024-02-29T00:00:00Z", "0000", "2024-04-31"]
    ),
    (
      "dateTime", ["2024", "2024-02-29T23:59:60Z", "2024-02-29T08:30:00.123+14:00"],
      [
        "2024-02-29T08:30Z", "2024-02-29T08:30:00", "2024-02T08:30:00Z", "2024-02-29T24:00:00Z",
        "2024-02-29T08:30:00+14:30", "2024-02-29T08:30:00.Z", "2024-02-29 08:30:00Z",
      ]
    ),
    ("instant", ["2024-02-29T08:30:00Z"], ["2024-02-29"]),
    ("time", ["08:30:00", "08:30:00.5"], ["08:30", "8:30:00", "24:00:00", "08:30:00Z"]),
    ("xhtml", ["<div xmlns=\"http://www.w3.org/1999/xhtml\"/>"], ["text"]),
  ]) func `primitive values have their form`(name: String, good: [String], bad: [String]) throws {
    let primitive = try #require(FHIRPrimitive(rawValue: name))
    for text in good { #expect(primitive.problem(text) == nil, "\(text)") }
    for text in bad { #expect(primitive.problem(text) != nil, "\(text)") }
  }

  @Test func `what is in the wrong form is looked at all the same`() {
    #expect(
      patient(#""name": {"given": "Anna", "use": "offical"}"#) == [
        "Patient.name structure: name is a list, also of one: […]",
        "Patient.name.given structure: given is a list, also of one: […]",
        "Patient.name.use code-invalid: not a code of use: did you mean \"official\"?",
      ])
    #expect(
      patient(#""gender": ["male", "femal"]"#) == [
        "Patient.gender structure: there is one gender at most, and no list",
        "Patient.gender[1] code-invalid: not a code of gender: did you mean \"female\"?",
      ])
    #expect(
      patient(#""deceased": true"#) == [
        "Patient structure: Patient has deceased[x]: its name says the type (deceasedBoolean, deceasedDateTime)"
      ])
    #expect(
      issues("<Patient/>") == [
        " structure: no JSON: no value, key or sign of JSON stands here; FHIR in XML is not read"
      ])
  }

  @Test func `rules of bundles`() {
    func bundle(_ type: String, _ entries: String, _ more: String = "") -> [String] {
      issues(#"{"resourceType":"Bundle","type":"\#(type)"\#(more),"entry":[\#(entries)]}"#)
    }
    let resource = #""resource":{"resourceType":"Patient","id":"1"}"#
    let put = #""request":{"method":"PUT","url":"Patient/1"}"#
    #expect(bundle("transaction", "{\(resource),\(put)}") == [])
    #expect(bundle("collection", "{\(resource)}") == [])
    #expect(
      bundle("transaction", "{\(resource)}") == [
        "Bundle invariant: bdl-3: each entry of a transaction has a request, and entry[0] has none"
      ])
    #expect(
      bundle("collection", "{\(resource),\(put)}") == [
        "Bundle invariant: bdl-3: entries of a collection have no request, and entry[0] has one"
      ])
    #expect(bundle("message", "{\(resource)}") == ["Bundle invariant: bdl-12: a message begins with a MessageHeader"])
    #expect(
      bundle("collection", "{\(resource)}", ",\"total\":1") == [
        "Bundle invariant: bdl-1: only searches and histories have a total"
      ])
    let twice = #"{"fullUrl":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520",\#(resource)}"#
    #expect(
      bundle("collection", "\(twice),\(twice)") == [
        "Bundle invariant: bdl-7: a fullUrl stands there once, and entry[1] has that of another"
      ])
    #expect(
      bundle("collection", #"{"fullUrl":"urn:x"}"#) == [
        "Bundle.entry[0] invariant: bdl-5: an entry has a resource, a request or a response"
      ])
    let deep = #"{"resource":{"resourceType":"Patient","gender":"m"}}"#
    #expect(bundle("collection", deep).first?.hasPrefix("Bundle.entry[0].resource.gender code-invalid") == true)
  }

  @Test func `what is wrong a thousand times is told a thousand times`() {
    let names = Array(repeating: "1", count: 2000).joined(separator: ",")
    let found = FHIRValidation.issues(Array(#"{"resourceType":"Patient","name":[\#(names)]}"#.utf8))
    #expect(found.count == 1001 && found.last?.code == .tooCostly)
  }

  @Test func `names that nobody meant cost no time, however long and however many`() {
    let long = #""\#(String(repeating: "birthDat", count: 100_000))": 1"#
    let many = (0..<50_000).map { #""birthDat\#($0)": 1"# }.joined(separator: ",")
    let took = ContinuousClock().measure {
      #expect(patient(long).count == 1)
      #expect(patient(many).count == 1001)
      #expect(patient(#""gender": "\#(String(repeating: "femal", count: 100_000))""#).count == 1)
    }
    #expect(took < .seconds(30), "\(took)")
  }

  @Test func `an extension may say of its value that there is none`() {
    let absent = #"{"extension": [{"url": "http://x.example/absent", "valueCode": "unknown"}]}"#
    #expect(patient(#""extension": [{"url": "http://x.example/birth", "_valueDate": \#(absent)}]"#) == [])
  }

  @Test func `an outcome is itself a resource in order`() {
    for text in ["{\"resourceType\":\"Patient\",\"gender\":\"x\"}", "{", "{\"resourceType\":\"Patient\",\"id\":\"1\"}"]
    {
      let outcome = FHIROutcome.bytes(FHIRValidation.issues(Array(text.utf8)), isPretty: true)
      #expect(FHIRValidation.issues(outcome) == [], "\(String(decoding: outcome, as: UTF8.self))")
    }
  }

  @Test func `all tables can be read, and lead to one another`() {
    #expect(FHIRTables.resourceNames.count == 147)
    for name in FHIRTables.resourceNames {
      for element in FHIRTables.type(name)?.elements ?? [] {
        #expect(element.primitive != nil || FHIRTables.type(element.type) != nil, "\(name).\(element.name)")
        #expect(element.targets.allSatisfy { $0 == "Resource" || FHIRTables.isResource($0) }, "\(name).\(element.name)")
      }
    }
    #expect(FHIRTables.type("Observation")?.element("status")?.codes.count == 8)
  }
}
