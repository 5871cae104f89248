import ConnectorKit

/// Where a delivery is written: subfolders and a name, made from a rendered template and safe to open below a folder.
struct WrittenName: Hashable {
  /// Why a name can't be written, without the name.
  struct Refusal: Error {
    let reason: String
  }

  let folders: [FileName]
  let file: FileName

  init(_ pieces: [TemplatePiece]) throws(Refusal) {
    var parts = [""]
    for piece in pieces {
      switch piece {
      case .literal(let text):
        let split = text.split(separator: "/", omittingEmptySubsequences: false)
        parts[parts.count - 1] += split.first ?? ""
        parts += split.dropFirst().map(String.init)
      case .value(let text):
        guard !text.isEmpty else { throw Refusal(reason: "a value in the file's name is empty") }
        parts[parts.count - 1] += Self.harmless(text)
      }
    }
    for part in parts {
      if part.isEmpty { throw Refusal(reason: "the file's name is empty, or a subfolder in it is") }
      if part == "." || part == ".." { throw Refusal(reason: "the file's name leaves its folder: `\(part)` in it") }
      if part.utf8.contains(0) { throw Refusal(reason: "the file's name has a NUL in it") }
    }
    folders = parts.dropLast().map { FileName($0).fitted }
    file = FileName(parts.last ?? "").fitted
  }

  /// A value of a message as a piece of a name: what would end the name, leave the folder, hide the file or trick the
  /// eye is an underscore.
  static func harmless(_ value: String) -> String {
    var leads = true
    var made = String.UnicodeScalarView()
    for scalar in value.unicodeScalars {
      if scalar != "." { leads = false }
      let isUnfit = scalar == "/" || scalar == "\\" || scalar.isUnfitForNames || leads
      made.append(isUnfit ? "_" : scalar)
    }
    return String(made)
  }

  /// For operators: kept sealed, for it holds values of the message.
  func shown(as name: FileName) -> String { (folders + [name]).map(\.description).joined(separator: "/") }
}
