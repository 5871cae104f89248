extension Function {
  static let mod11OK = Function(
    name: "mod11_ok", parameters: [("text", .text)], result: .boolean, absence: .answersNo,
    summary: "Whether the last character of a number is its check digit with weights 2, 3, 4… from the right "
      + "(modulus 11); X stands for ten. Spaces and dashes are passed over.",
    examples: [
      (#"mod11_ok("0-306-40615-2")"#, #"true"#),
      (#"mod11_ok("0306406153")"#, #"false"#),
    ],
    body: .one { .boolean(Function.isMod11($0.argumentText, digits: nil, ten: 88)) })
}

extension Function {
  /// The digits of a number; `nil` where anything but spaces and dashes stands between them.
  static func digits(_ text: String) -> [Int]? {
    var digits: [Int] = []
    for byte in text.utf8 where byte != UInt8(ascii: " ") && byte != UInt8(ascii: "-") {
      guard (0x30...0x39).contains(byte) else { return nil }
      digits.append(Int(byte - 0x30))
    }
    return digits
  }

  /// Modulus 11 with weights 2, 3, 4… from the right of what stands before the check digit.
  ///
  /// - Parameters:
  ///   - digits: how many digits there must be; `nil` for any number from 2 to 32.
  ///   - ten: the letter of a check digit of ten, or `nil` where such numbers are not given out.
  static func isMod11(_ text: String, digits count: Int?, ten: UInt8?) -> Bool {
    var body = text
    var check: Int?
    if let ten, let last = body.utf8.last, last & 0xDF == ten {
      body.removeLast()
      check = 10
    }
    guard var digits = digits(body) else { return false }
    if check == nil { check = digits.popLast() }
    guard let check, count.map({ $0 == digits.count + 1 }) ?? (1...31).contains(digits.count) else { return false }
    var sum = 0
    for (index, digit) in digits.reversed().enumerated() { sum += digit * (index + 2) }
    let expected = (11 - sum % 11) % 11
    return expected == check && (expected < 10 || ten != nil)
  }
}
