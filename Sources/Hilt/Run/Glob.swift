/// A pattern of plain text in which `*` stands for any characters and `?` for one: `"*cardiac*"`.
///
/// Case counts. The whole text must fit. Linear in practice and never worse than text × pattern.
struct Glob: Sendable {
  private let pattern: [UInt8]

  init(_ pattern: String) { self.pattern = Array(pattern.utf8) }

  func matches(_ text: String) -> Bool {
    let text = Array(text.utf8)
    var position = 0
    var at = 0
    // Where the last `*` stands, and how much of the text it has taken so far.
    var star: (pattern: Int, text: Int)?
    while position < text.count {
      if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
        star = (at, position)
        at += 1
      } else if at < pattern.count, pattern[at] == UInt8(ascii: "?") {
        position = Self.next(text, position)
        at += 1
      } else if at < pattern.count, pattern[at] == text[position] {
        position += 1
        at += 1
      } else if let last = star {
        let taken = Self.next(text, last.text)
        star = (last.pattern, taken)
        position = taken
        at = last.pattern + 1
      } else {
        return false
      }
    }
    while at < pattern.count, pattern[at] == UInt8(ascii: "*") { at += 1 }
    return at == pattern.count
  }

  /// Behind the UTF-8 character at a position.
  private static func next(_ text: [UInt8], _ position: Int) -> Int {
    var next = position + 1
    while next < text.count, text[next] & 0xC0 == 0x80 { next += 1 }
    return next
  }
}
