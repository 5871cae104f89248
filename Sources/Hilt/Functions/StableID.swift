import Crypto
import Text

extension Function {
  static let stableID = Function(
    name: "stable_id", parameters: [("kind", .text), ("parts", .text)], isVariadic: true, result: .text,
    summary: "An id that is the same whenever kind and parts are: a UUID of version 5 (RFC 9562) in the namespace "
      + "`\(namespaceText)`. Its name is the kind and each part as UTF-8, each behind its count of bytes and a colon; "
      + "for an absent or null part `-`. Absent where all parts are.",
    examples: [
      (#"stable_id("Patient", "12345")"#, #"6db4e11e-10c9-5c2c-949d-b5f28f9dfcc7"#),
      (#"stable_id("Observation", "4711", absent)"#, #"8048871f-a8f0-5ef3-a3ca-410865bb299b"#),
      (#"stable_id("Patient", absent)"#, #"absent"#),
    ],
    body: .checked { $0.stableID($1) })
}

extension Function {
  /// The namespace of all ids that the language makes: version 5 of `hilum:stable-id` among URLs.
  static let namespaceText = "62df0b72-27e4-5ff8-932d-8dcd6ebe061e"

  private static let namespace = HexText.bytes(namespaceText.utf8.filter { $0 != UInt8(ascii: "-") }) ?? []

  /// The UUID of version 5 of a name; `-` stands for a part that isn't there.
  static func stableID(_ parts: [String?]) -> String {
    var name = namespace
    for part in parts {
      guard let part else {
        name.append(UInt8(ascii: "-"))
        continue
      }
      name.append(contentsOf: String(part.utf8.count).utf8)
      name.append(UInt8(ascii: ":"))
      name.append(contentsOf: part.utf8)
    }
    var bytes = Array(Insecure.SHA1.hash(data: name).prefix(16))
    bytes[6] = bytes[6] & 0x0F | 0x50
    bytes[8] = bytes[8] & 0x3F | 0x80
    return String(unsafeUninitializedCapacity: 36) { buffer in
      let digits = HexText.digits
      var place = 0
      for (index, byte) in bytes.enumerated() {
        if index == 4 || index == 6 || index == 8 || index == 10 {
          buffer[place] = UInt8(ascii: "-")
          place += 1
        }
        buffer[place] = digits[Int(byte >> 4)]
        buffer[place + 1] = digits[Int(byte & 15)]
        place += 2
      }
      return place
    }
  }
}
