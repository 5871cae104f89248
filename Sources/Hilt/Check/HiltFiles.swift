package import Messages

/// Where a program's tables and keys come from: the language itself reads no file.
package protocol HiltFiles: Sendable {
  /// The content of a file. The path is as the program writes it, relative to the folder of the program's own file.
  ///
  /// - Throws: an error whose description says in a few words why: «does not exist», «can't be read».
  func read(_ path: String) throws -> [UInt8]

  /// The profile that a file holds, with what is wrong in it.
  ///
  /// - Parameter file: the name under which its problems are shown.
  func profile(_ bytes: [UInt8], file: String) -> HiltProfile.Reading

  /// What stands behind the name of a key; `nil` where nobody has said.
  func key(_ name: String) -> HiltKey?
  /// The names that somebody has said, for who has slipped.
  var keyNames: [String] { get }
}

extension HiltFiles {
  package func key(_ name: String) -> HiltKey? { nil }
  package var keyNames: [String] { [] }

  package func profile(_ bytes: [UInt8], file: String) -> HiltProfile.Reading {
    let problem = Problem(
      Code.profile.rawValue, "profiles can't be read here", at: Place(file: file, line: 1, column: 1))
    return HiltProfile.Reading(profile: nil, problems: [problem])
  }
}

/// No files at all: for programs and expressions that name none.
package struct NoHiltFiles: HiltFiles {
  package struct Missing: Error, CustomStringConvertible {
    package var description: String { "no files can be read here" }
  }
  package init() {}
  package func read(_ path: String) throws -> [UInt8] { throw Missing() }
}

/// A file that a program reached while it was compiled. Its bytes belong to the program's revision.
package struct HiltReachedFile: Sendable, Hashable {
  /// As the program writes it.
  package let path: String
  package let bytes: [UInt8]
}

/// A destination that a program emits to, and where it says so.
package struct HiltDestinationUse: Sendable, Hashable {
  package let name: String
  package let place: Place
}
