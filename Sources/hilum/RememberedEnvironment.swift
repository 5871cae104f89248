import Foundation
import Store

/// In which environment the data in a folder was made: a file in that folder.
///
/// What waits in it was meant for the partners of that environment. An engine that starts in another sends it to
/// others, so a person has to say that this is wanted.
struct RememberedEnvironment: Sendable {
  private let path: String

  init(_ folder: String) { path = "\(folder)/\(Restoration.environmentName)" }

  /// - Throws: `Failure` where the data is of another environment.
  func check(_ name: String?, mayChange: Bool) throws {
    guard let bytes = FileManager.default.contents(atPath: path) else { return }
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    let former = text.isEmpty ? nil : text
    guard former != name, !mayChange else { return }
    let was = former.map { "in the environment \(Terminal.safe($0))" } ?? "in no environment"
    let say = former.map { "Say --env \(Terminal.safe($0))" } ?? "Leave --env out"
    throw Failure(
      "The data was last used \(was), and what waits in it would go elsewhere now. \(say), "
        + "or --change-env where it shall be \(name ?? "none") from now on.", code: 2)
  }

  /// The file is whole at every moment, and on the disk before this returns.
  func write(_ name: String?) throws {
    let text = (name ?? "") + "\n"
    if FileManager.default.contents(atPath: path) == Data(text.utf8) { return }
    try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
  }
}
