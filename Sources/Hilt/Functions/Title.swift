extension Function {
  static let title = Function(
    name: "title", parameters: [("text", .text)], result: .text,
    summary: "The text with a capital at the beginning of each word and small letters behind it; a word begins "
      + "behind anything but a letter, digit or apostrophe.",
    examples: [
      (#"title("VAN DER BERG-o'neil")"#, #"Van Der Berg-O'neil"#)
    ],
    body: .one {
      var text = ""
      var inside = false
      for character in $0.argumentText {
        text += inside ? character.lowercased() : character.uppercased()
        inside = character.isLetter || character.isNumber || character == "'" || character == "’"
      }
      return .text(text)
    })
}
