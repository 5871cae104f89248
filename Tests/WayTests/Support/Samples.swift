/// Messages as a test needs them: small, with everything that matters to it in one line.
enum Sample {
  /// An admission.
  /// - Parameters:
  ///   - header: the rest of MSH from field 11 on.
  ///   - more: further segments.
  static func adt(
    _ id: String, event: String = "A01", name: String = "Miller^Anna", patient: String = "123456",
    header: String = "P|2.5.1", more: [String] = []
  ) -> [UInt8] {
    let segments = [
      "MSH|^~\\&|PAS|HOSP|HUB|HOSP|20260101120000||ADT^\(event)|\(id)|\(header)", "EVN|\(event)|20260101120000",
      "PID|1||\(patient)^^^HOSP^MR||\(name)||19800229|F", "PV1|1|I|WARD1^^^HOSP",
    ]
    return Array((segments + more).joined(separator: "\r").utf8) + [0x0D]
  }

  /// The fields of the first segment of a kind: `field("MSA", 1)`. MSH-1 is counted.
  static func field(_ segment: String, _ number: Int, of message: [UInt8]) -> String? {
    let text = String(decoding: message, as: UTF8.self)
    for line in text.split(separator: "\r") where line.hasPrefix(segment) {
      let fields = line.split(separator: "|", omittingEmptySubsequences: false)
      let index = segment == "MSH" ? number - 1 : number
      return index < fields.count ? String(fields[index]) : nil
    }
    return nil
  }
}
