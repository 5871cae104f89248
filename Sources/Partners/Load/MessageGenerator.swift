/// Makes varied ADT and ORU messages of about 1 KB, each with a control id and a patient id of its own.
///
/// Varied, because one message sent again and again is learnt by the processor's branch predictor, and an engine then
/// looks faster than it is. The same seed and number give the same message, in any order of asking. The names and
/// numbers are invented.
package struct MessageGenerator: Sendable {
  /// How many digits a number has in control ids and patient ids: they keep their width, so that a frame that was made
  /// before can be given another number in place.
  static let controlDigits = 12
  static let patientDigits = 10

  private let seed: UInt64
  private let prefix: String

  /// - Parameters:
  ///   - seed: what the messages' content depends on.
  ///   - prefix: the letters that the control ids begin with; at most eight, so that an id keeps to 20 characters.
  package init(seed: UInt64, prefix: String = "HB") {
    self.seed = seed
    self.prefix = String(prefix.prefix(8))
  }

  /// The control id of a message.
  package func controlID(_ number: Int) -> String {
    prefix + Self.digits(number, width: Self.controlDigits)
  }

  /// The bytes of a message, without a frame; segments end with CR.
  package func message(_ number: Int) -> [UInt8] {
    var random = SeededRandom(seed: seed &+ UInt64(truncatingIfNeeded: number) &* 0xD134_2543_DE82_EF95)
    var content = GeneratedContent(random: random, patient: Self.digits(number, width: Self.patientDigits))
    let isResult = random.next() % 10 < 4
    let segments =
      isResult
      ? content.result(controlID: controlID(number)) : content.admission(controlID: controlID(number))
    return Array(segments.joined(separator: "\r").utf8) + [FrameScan.carriageReturn]
  }

  /// A frame that can be sent again and again under other numbers.
  func template(_ number: Int) -> FrameTemplate {
    let message = message(number)
    let patient = Array(Self.digits(number, width: Self.patientDigits).utf8)
    let control = HeaderScan.controlID(in: message.span) ?? 0..<0
    // The patient's number stands right behind the start of PID-3; MSH-10 may hold the same digits.
    let pid = Self.offset(of: Array("\rPID|1||".utf8) + patient, in: message).map { $0 + 8 }
    return FrameTemplate(
      frame: FrameScan.frame(message), controlDigits: control.upperBound + 1 - Self.controlDigits,
      patientDigits: pid.map { $0 + 1 })
  }

  static func digits(_ number: Int, width: Int) -> String {
    let text = String(number)
    return text.count >= width ? String(text.suffix(width)) : String(repeating: "0", count: width - text.count) + text
  }

  private static func offset(of part: [UInt8], in bytes: [UInt8]) -> Int? {
    guard bytes.count >= part.count else { return nil }
    return (0...(bytes.count - part.count)).first { bytes[$0..<($0 + part.count)].elementsEqual(part) }
  }
}

/// One frame, made before, and the places of the digits that are written anew for each sending.
struct FrameTemplate: Sendable {
  let frame: [UInt8]
  /// Offset of the control id's digits in the frame.
  let controlDigits: Int
  /// Offset of the digits in PID-3.
  let patientDigits: Int?
}

/// The fields of one generated message.
private struct GeneratedContent {
  private static let families = [
    "Abendroth", "Bakker", "Castellano", "Dubois", "Eriksson", "Fitzgerald", "Grabowski", "Hernandez", "Ito",
    "Jovanovic", "Kaminski", "Lindqvist", "MacAllister", "Nkemelu", "O'Sullivan", "Papadopoulos", "Quispe", "Rasmussen",
    "Szymanski", "Thorvaldsen", "Ueda", "Vandenberghe", "Wojciechowska", "Xu", "Yildirim", "Zimmermann",
  ]
  private static let givens = [
    "Ada", "Bo", "Clementine", "Dag", "Elisabetta", "Finn", "Gwendolyn", "Hugo", "Ines", "Jan", "Katarzyna", "Leo",
    "Maximiliane", "Nils", "Oda", "Per", "Rosalind", "Sven", "Theodora", "Ulf", "Veronika", "Wim", "Yara", "Zoltan",
  ]
  private static let streets = ["Mill Lane", "Station Road", "High St", "Old Ferry Quay", "Park Avenue", "Kirkegaten"]
  private static let towns = ["Brighthelm", "Nordby", "Sankt Alban", "Vale", "Kingsferry", "Ost"]
  private static let wards = ["ICU", "MED1", "SURG3W", "PAED", "ED", "ORTHO2"]
  private static let events = ["A01", "A02", "A03", "A04", "A08", "A11", "A31"]
  private static let analytes: [(code: String, name: String, unit: String, range: String)] = [
    ("718-7", "Hemoglobin", "g/dL", "12.0-16.0"), ("6690-2", "Leukocytes", "10*3/uL", "4.0-11.0"),
    ("777-3", "Platelets", "10*3/uL", "150-400"), ("2951-2", "Sodium", "mmol/L", "135-145"),
    ("2823-3", "Potassium", "mmol/L", "3.5-5.1"), ("2160-0", "Creatinine", "mg/dL", "0.6-1.2"),
    ("1988-5", "C reactive protein", "mg/L", "0-5"), ("2345-7", "Glucose", "mg/dL", "70-99"),
  ]
  private static let remarks = [
    "Sample slightly haemolysed, interpret potassium with care.", "Repeat in 24 hours.",
    "Called to the ward and read back.", "Below the limit of quantification of this method.",
  ]

  private var random: SeededRandom
  private let patient: String

  init(random: SeededRandom, patient: String) {
    self.random = random
    self.patient = patient
  }

  mutating func admission(controlID: String) -> [String] {
    let event = pick(Self.events)
    var segments = [
      header(type: "ADT^\(event)", controlID: controlID), "EVN|\(event)|\(time())|||CLERK\(number(9_000) + 1_000)",
    ]
    segments += [identification(), visit()]
    for index in 1...(number(3) + 1) {
      segments.append(
        "NK1|\(index)|\(name())|\(pick(["SPO", "CHD", "PAR", "SIB"]))|\(address())|\(phone())||\(pick(["C", "E"]))")
    }
    for index in 1...(number(2) + 1) {
      segments.append(
        "AL1|\(index)|DA|\(number(9_000) + 1_000)^\(pick(["Penicillin", "Latex", "Nuts", "Iodine"]))|"
          + pick(["MO", "SV"]))
    }
    segments.append("DG1|1||\(pick(["I21.4", "J18.9", "S72.00", "K35.80", "N39.0"]))^^I10||\(time())|A")
    segments.append(
      "IN1|1|\(number(90) + 10)|\(number(90_000))|\(pick(["Nordkasse", "United Mutual", "Provident"]))|\(address())"
        + "||||||||||\(name())|\(pick(["SEL", "SPO"]))|\(birth())|\(address())")
    fill(&segments)
    return segments
  }

  mutating func result(controlID: String) -> [String] {
    let order = number(9_000_000) + 1_000_000
    var segments = [header(type: "ORU^R01", controlID: controlID), identification(), visit()]
    segments.append("ORC|RE|\(order)^HIS|\(order)^LAB||CM||||\(time())|||\(number(900))^\(name())")
    segments.append("OBR|1|\(order)^HIS|\(order)^LAB|24331-1^Panel^LN|||\(time())|||||||||\(number(900))^\(name())")
    for index in 1...(number(5) + 3) {
      let analyte = pick(Self.analytes)
      segments.append(
        "OBX|\(index)|NM|\(analyte.code)^\(analyte.name)^LN||\(number(400)).\(number(10))"
          + "|\(analyte.unit)|\(analyte.range)"
          + "|\(pick(["", "", "H", "L"]))|||F|||\(time())")
      if number(3) == 0 { segments.append("NTE|1|L|\(pick(Self.remarks))") }
    }
    fill(&segments)
    return segments
  }

  /// Notes, until the message is of about one kilobyte.
  private mutating func fill(_ segments: inout [String]) {
    while segments.reduce(0, { $0 + $1.utf8.count + 1 }) < 900 {
      segments.append("NTE|\(segments.count)|L|\(pick(Self.remarks)) \(number(10_000))")
    }
  }

  private mutating func header(type: String, controlID: String) -> String {
    "MSH|^~\\&|\(pick(["PAS", "LABSYS", "HIS"]))|\(pick(Self.wards))|HILUM|HUB|\(time())||\(type)|\(controlID)|P|2.5.1"
  }

  private mutating func identification() -> String {
    "PID|1||\(patient)^^^HUB^MR~\(number(900_000_000) + 100_000_000)^^^NAT^NI||\(name())||\(birth())|"
      + "\(pick(["F", "M"]))|||\(address())||\(phone())||\(pick(["EN", "DE", "NB"]))|\(pick(["M", "S", "W"]))"
  }

  private mutating func visit() -> String {
    "PV1|1|\(pick(["I", "O", "E"]))|\(pick(Self.wards))^\(number(40) + 1)^\(number(4) + 1)||||\(number(900))^\(name())"
      + "||||||||||||V\(number(9_000_000) + 1_000_000)|||||||||||||||||||||||||\(time())"
  }

  private mutating func name() -> String { "\(pick(Self.families))^\(pick(Self.givens))^\(pick(["", "J", "M", "K"]))" }
  private mutating func phone() -> String { "+47\(number(90_000_000) + 10_000_000)" }
  private mutating func address() -> String {
    "\(number(300) + 1) \(pick(Self.streets))^^\(pick(Self.towns))^^\(number(9_000) + 1_000)^NO"
  }
  private mutating func birth() -> String { "\(1920 + number(105))\(two(1 + number(12)))\(two(1 + number(28)))" }
  private mutating func time() -> String {
    "2026\(two(1 + number(12)))\(two(1 + number(28)))\(two(number(24)))\(two(number(60)))"
  }
  private mutating func number(_ below: Int) -> Int { Int(random.next() % UInt64(below)) }
  private mutating func pick<Element>(_ list: [Element]) -> Element { list[number(list.count)] }
  private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
}
