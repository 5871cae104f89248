import Hilt
package import Messages

/// `hilum fmt`: the one layout, for files.
package enum ProgramLayout {
  package enum Outcome: Sendable {
    /// Laid out already.
    case same
    /// Not laid out before; written unless that was not wanted.
    case changed
    /// It can't be cut into tokens; it is left as it is.
    case unreadable([Problem], source: String)
  }

  /// Lays a file out.
  ///
  /// - Parameter writes: whether a file that changes is written.
  package static func layOut(_ path: String, writes: Bool) throws(ProgramFiles.Trouble) -> Outcome {
    let text = try ProgramFiles.text(path)
    let (laidOut, problems) = HiltLayout.laidOut(text, file: path)
    guard let laidOut else { return .unreadable(problems, source: text) }
    // "\r\n" and "\n" are not the same here, and equal texts may have other bytes.
    if laidOut.utf8.elementsEqual(text.utf8) { return .same }
    if writes { try ProgramFiles.replace(path, with: Array(laidOut.utf8)) }
    return .changed
  }
}
