import FHIR
import Foundation
import Text

/// What reading, checking and writing JSON costs, beside Foundation: part of `hilum bench --language`.
struct JSONBench {
  let seconds: Double
  let turns: Int

  func run() throws -> String {
    let bytes = Self.bundle()
    let data = Data(bytes)
    var ours: [Double] = []
    var foundations: [Double] = []
    var checks: [Double] = []
    for _ in 0..<turns {
      ours.append(
        try CoreRate.measure(seconds) {
          let document = try JSONDocument(bytes)
          var writer = JSONWriter(capacity: bytes.count)
          writer.node(document.root)
          precondition(writer.bytes.count > bytes.count / 2)
        })
      foundations.append(
        try CoreRate.measure(seconds) {
          let object = try JSONSerialization.jsonObject(with: data)
          let written = try JSONSerialization.data(withJSONObject: object)
          precondition(written.count > bytes.count / 2)
        })
      let document = try JSONDocument(bytes)
      checks.append(CoreRate.measure(seconds) { precondition(FHIRValidation.issues(document).isEmpty) })
    }
    let ratios = zip(ours, foundations).map { $0 / $1 }
    let megabytes = Double(bytes.count) / 1_000_000
    func shown(_ rates: [Double]) -> String { LanguageBench.decimal(LanguageBench.median(rates) * megabytes) }
    let ratio = LanguageBench.decimal(LanguageBench.median(ratios))
    return """
      a bundle of \(LanguageBench.decimal(megabytes)) MB, one core, read and written
      JSON                       \(shown(ours)) MB/s, \(ratio) times as fast as Foundation
      Foundation                 \(shown(foundations)) MB/s
      check against FHIR R4      \(shown(checks)) MB/s
      """
  }

  /// Observations of about 1 MB, as a laboratory sends them. The same in every run.
  private static func bundle() -> [UInt8] {
    var state: UInt64 = 20_240_229
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var entries: [String] = []
    var size = 0
    while size < 1_000_000 {
      let entry = """
        {"fullUrl":"https://lab.example/fhir/Observation/o\(entries.count)","resource":{"resourceType":"Observation",\
        "id":"o\(entries.count)","status":"final","category":[{"coding":[{"system":\
        "http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{\
        "system":\
        "http://loinc.org","code":"\(next(90_000))-\(next(10))","display":"Glucose [Moles/volume] in Blöd"}],"text":\
        "Glucose \\"\(next(100))\\""},"subject":{"reference":"Patient/\(next(10_000))"},"effectiveDateTime":\
        "2024-02-\(next(19) + 10)T08:\(next(50) + 10):00+01:00","valueQuantity":{"value":\(next(30)).\(next(90) + 10),\
        "unit":"mmol/l","system":"http://unitsofmeasure.org","code":"mmol/L"},"referenceRange":[{"low":{"value":3.10},\
        "high":{"value":6.2}}],"note":[{"text":"taken at\\nhome"}]}}
        """
      entries.append(entry)
      size += entry.utf8.count
    }
    let text = #"{"resourceType":"Bundle","type":"collection","entry":["# + entries.joined(separator: ",") + "]}"
    return Array(text.utf8)
  }
}
