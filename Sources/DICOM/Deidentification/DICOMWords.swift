/// A text as the words and numbers that it is of, written in one way: `Müller-Lüdenscheidt, 007` is `muller`,
/// `ludenscheidt` and `007`, as is `MUELLER LUEDENSCHEIDT 007`.
struct DICOMWords {
  private(set) var all: [String] = []

  init(_ text: String) {
    var isPlain = true
    var word: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x61...0x7A: word.append(byte)
      case 0x41...0x5A: word.append(byte | 0x20)
      case 0x80...: isPlain = false
      default: end(&word)
      }
    }
    end(&word)
    if !isPlain { fold(text) }
  }

  var joined: String { all.joined(separator: " ") }

  private mutating func end(_ word: inout [UInt8]) {
    if word.isEmpty { return }
    all.append(Self.settled(word))
    word = []
  }

  /// `ae`, `oe` and `ue` are also what stands for letters with marks; not in `doe`, of which too little would be left.
  private static func settled(_ word: [UInt8]) -> String {
    var letters: [UInt8] = []
    for byte in word {
      let before = letters.last ?? 0
      let isVowel = before == UInt8(ascii: "a") || before == UInt8(ascii: "o") || before == UInt8(ascii: "u")
      if byte == UInt8(ascii: "e"), isVowel { continue }
      letters.append(byte)
    }
    return String(decoding: letters.count >= 3 ? letters : word, as: UTF8.self)
  }

  private mutating func fold(_ text: String) {
    all = []
    var word: [UInt8] = []
    for scalar in text.unicodeScalars {
      if (0x300...0x36F).contains(scalar.value) { continue }
      let properties = scalar.properties
      if properties.numericType == .decimal, let digit = properties.numericValue {
        word.append(0x30 + UInt8(digit))
      } else if properties.isAlphabetic {
        for letter in properties.lowercaseMapping.unicodeScalars where !(0x300...0x36F).contains(letter.value) {
          word += (Self.plain[letter] ?? String(letter)).utf8
        }
      } else {
        end(&word)
      }
    }
    end(&word)
  }

  /// Letters of Latin without their marks.
  private static let plain: [Unicode.Scalar: String] = {
    let groups = [
      ("a", "àáâãäåāăąǎȧ"), ("ae", "æǽ"), ("c", "çćĉċč"), ("d", "ďđð"), ("e", "èéêëēĕėęěẽ"), ("g", "ĝğġģ"), ("h", "ĥħ"),
      ("i", "ìíîïĩīĭįı"), ("j", "ĵ"), ("k", "ķ"), ("l", "ĺļľŀł"), ("n", "ñńņňŉ"), ("o", "òóôõöōŏőøǒơ"), ("oe", "œ"),
      ("r", "ŕŗř"), ("s", "śŝşšș"), ("ss", "ß"), ("t", "ţťŧț"), ("th", "þ"), ("u", "ùúûüũūŭůűųǔư"), ("w", "ŵ"),
      ("y", "ýÿŷỳ"), ("z", "źżž"),
    ]
    var plain: [Unicode.Scalar: String] = [:]
    for (letters, marked) in groups { for scalar in marked.unicodeScalars { plain[scalar] = letters } }
    return plain
  }()

  /// One letter more, less or another: `meier` and `meyer`.
  static func isNear(_ a: String, _ b: String) -> Bool {
    let (long, short) = a.utf8.count >= b.utf8.count ? (Array(a.utf8), Array(b.utf8)) : (Array(b.utf8), Array(a.utf8))
    guard long.count - short.count <= 1 else { return false }
    let same = zip(long, short).prefix { $0 == $1 }.count
    let rest = long.dropFirst(same + 1)
    return rest.elementsEqual(short.dropFirst(same)) || rest.elementsEqual(short.dropFirst(same + 1))
  }
}
