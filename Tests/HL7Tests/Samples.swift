import HL7
import Testing
import Text

/// The bytes of a text whose lines are segments; each ends in CR.
func segments(_ text: String) -> [UInt8] {
  text.split(separator: "\n").flatMap { Array($0.utf8) + [0x0D] }
}

/// A message from text whose lines are segments.
func message(_ text: String, _ options: HL7ReadingOptions = HL7ReadingOptions()) throws -> HL7Message {
  try HL7Message(segments(text), options)
}

/// A path from program text.
func path(_ text: String) throws -> HL7Path { try #require(HL7Path(text)) }

/// Bytes as text, for comparisons that a person can read.
func text(_ bytes: some Sequence<UInt8>) -> String {
  String(decoding: Array(bytes), as: UTF8.self).replacing("\r", with: "\n")
}

/// The kind of error that bytes give.
func parseError(_ bytes: [UInt8], _ options: HL7ReadingOptions = HL7ReadingOptions()) -> HL7ParseError? {
  do {
    _ = try HL7Message(bytes, options)
    return nil
  } catch {
    return error
  }
}

/// A repeatable source of random numbers (SplitMix64). Its seed is printed with what fails.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

let adt = """
  MSH|^~\\&|PAS|NORTH|HUB|HQ|20260131235959+0100||ADT^A01^ADT_A01|4711|P|2.5.1|||AL|NE
  EVN||20260131
  PID|1||1234^^^NORTH&1.2.3&ISO^MR~99^^^NHS^NH||DOE^JOHN^^^||19800101|M|||1 Road^^Town
  PV1|1|I|WARD^1^2
  OBX|1|ST|code^Text||one~two||||||F
  OBX|2|TX|code^Text||three||||||F
  ZPV|local|""
  """
