import Foundation

/// The package as files.
enum House {
  /// The folder of Package.swift.
  static let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Folders that hold what is made, not what is written.
  private static let made: Set<String> = [".git", ".venv", ".peers", "data", ".swiftpm", "__pycache__"]

  /// Every file below a folder, by its path from the root, sorted.
  static func files(in folder: String = "", _ extensions: String...) throws -> [String] {
    let start = folder.isEmpty ? root : root.appending(path: folder)
    guard let walk = FileManager.default.enumerator(at: start, includingPropertiesForKeys: [.isRegularFileKey]) else {
      return []
    }
    var found: [String] = []
    for case let url as URL in walk {
      let name = url.lastPathComponent
      if made.contains(name) || name.hasPrefix(".build") {
        walk.skipDescendants()
        continue
      }
      guard try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { continue }
      guard extensions.isEmpty || extensions.contains(url.pathExtension) else { continue }
      found.append(String(url.resolvingSymlinksInPath().path.dropFirst(root.path.count + 1)))
    }
    return found.sorted()
  }

  static func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: root.appending(path: path)), as: UTF8.self)
  }

  static func lines(_ path: String) throws -> [Substring] {
    try text(path).split(separator: "\n", omittingEmptySubsequences: false)
  }
}

extension Substring {
  /// How far the line is indented, in spaces.
  var indentation: Int { prefix { $0 == " " }.count }
}
