package import ConnectorKit
import Glibc
import Messages

/// Looks at the folders of a `file:` block before an engine needs them, and says at which setting what is wrong.
///
/// A folder that isn't here may be on the server, so that is a warning; something else in its place is an error.
struct FolderLook {
  let node: SettingNode
  let reader: SettingReader

  /// A folder that must be there; files are moved within it or written into it.
  func folder(_ path: FilePath, _ setting: String) {
    var facts = stat()
    if stat(path.path, &facts) != 0 {
      let doing = errno == EACCES ? "can't be reached by this user" : "is not here"
      return missing("the folder \(path.path) \(doing)", setting)
    }
    whatIsThere(facts, path.path, setting)
  }

  /// A folder that the engine makes where it is missing: then the one around it must be there.
  func madeFolder(_ path: FilePath, _ setting: String) {
    var facts = stat()
    if stat(path.path, &facts) == 0 { return whatIsThere(facts, path.path, setting) }
    guard let slash = path.path.lastIndex(of: "/"), slash > path.path.startIndex else { return }
    let around = String(path.path[..<slash])
    if stat(around, &facts) != 0 {
      return missing("the folder \(around), in which \(path.path) would be made, is not here", setting)
    }
    whatIsThere(facts, around, setting)
  }

  private func whatIsThere(_ facts: stat, _ path: String, _ setting: String) {
    guard FileFacts(facts).kind == .folder else {
      reader.problem(
        "C143", "\(path) is \(FileFacts(facts).kind.rawValue), and a folder is needed", at: place(setting),
        help: ["name a folder", "move what is there out of the way"])
      return
    }
    guard faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) != 0 else { return }
    missing("the folder \(path) can't be read and written by this user: \(FileFault.text(errno))", setting)
  }

  private func missing(_ message: String, _ setting: String) {
    reader.problem(
      "C140", message, at: place(setting), severity: .warning,
      help: ["mend the path, or make the folder", "nothing to do here where it is only on the server"])
  }

  private func place(_ setting: String) -> Place { (node[setting] ?? node).place }
}

extension FileSourceSettings {
  package func look(_ node: SettingNode, _ reader: SettingReader) {
    let look = FolderLook(node: node, reader: reader)
    look.folder(directory, "directory")
    if let to { look.madeFolder(to, "to") }
    if let failed { look.madeFolder(failed, "failed") }
  }
}

extension FileDestinationSettings {
  package func look(_ node: SettingNode, _ reader: SettingReader) {
    FolderLook(node: node, reader: reader).folder(directory, "directory")
  }
}
