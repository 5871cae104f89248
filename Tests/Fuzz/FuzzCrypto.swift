// Stands in for swift-crypto, which the one module of a fuzzer can't have: what is fuzzed is our own code, and a sum of
// the bytes is as good as a hash there.

enum Insecure {
  enum SHA1 {
    static func hash(data: [UInt8]) -> [UInt8] { SHA256.hash(data: data) }
  }
}

enum SHA256 {
  static func hash(data: [UInt8]) -> [UInt8] {
    var hash = [UInt8](repeating: 0, count: 32)
    for (index, byte) in data.enumerated() { hash[index % 32] = hash[index % 32] &* 31 &+ byte }
    return hash
  }
}

struct SymmetricKey {
  let data: [UInt8]
}

enum HMAC<Hash> {
  static func authenticationCode(for data: [UInt8], using key: SymmetricKey) -> [UInt8] {
    SHA256.hash(data: key.data + data)
  }
}
