import Crypto

extension Function {
  static let hmac = Function(
    name: "hmac", parameters: [("key", .bytes), ("bytes", .bytes)], result: .bytes,
    summary: "The HMAC-SHA-256 of bytes, or of a text as UTF-8, with a key. A key that must stay secret is a `param` "
      + "to which the channel gives a value, never a text in the program.",
    examples: [
      (
        #"hex_of(hmac("key", "The quick brown fox jumps over the lazy dog"))"#,
        #"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"#
      )
    ],
    body: .two {
      let code = HMAC<SHA256>.authenticationCode(for: $1.argumentBytes, using: SymmetricKey(data: $0.argumentBytes))
      return .bytes(Array(code))
    })
}
