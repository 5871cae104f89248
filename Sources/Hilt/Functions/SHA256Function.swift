import Crypto

extension Function {
  static let sha256 = Function(
    name: "sha256", parameters: [("bytes", .bytes)], result: .bytes,
    summary: "The SHA-256 of bytes, or of a text as UTF-8: 32 bytes, which `hex_of` and `base64_of` write.",
    examples: [
      (#"hex_of(sha256("abc"))"#, #"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"#)
    ],
    body: .one { .bytes(Array(SHA256.hash(data: $0.argumentBytes))) })
}
