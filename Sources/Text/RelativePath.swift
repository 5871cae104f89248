/// Paths as texts.
package enum RelativePath {
  /// The folder that a path is in: `.` where it names none.
  package static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The last name of a path.
  package static func name(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  /// A path as it is meant in a folder.
  package static func joined(_ folder: String, _ path: String) -> String {
    if path.hasPrefix("/") { return normalized(path) }
    return normalized(folder == "." ? path : folder + "/" + path)
  }

  /// A path as it is written in a folder: the shortest way from there, with `..` where needed.
  package static func relative(_ path: String, to folder: String) -> String {
    guard path.hasPrefix("/") == folder.hasPrefix("/") else { return path }
    let target = normalized(path).split(separator: "/")
    let start = normalized(folder).split(separator: "/").filter { $0 != "." }
    let shared = zip(target, start).prefix { $0 == $1 && $0 != ".." }.count
    guard !start[shared...].contains("..") else { return path }
    return (start[shared...].map { _ in ".." } + target[shared...]).joined(separator: "/")
  }

  /// Without `.`, and without `..` where the name before it is known.
  package static func normalized(_ path: String) -> String {
    var names: [Substring] = []
    for name in path.split(separator: "/") where name != "." {
      if name == "..", let last = names.last, last != ".." {
        names.removeLast()
      } else if name == "..", path.hasPrefix("/") {
        continue
      } else {
        names.append(name)
      }
    }
    let joined = names.joined(separator: "/")
    return path.hasPrefix("/") ? "/" + joined : joined.isEmpty ? "." : joined
  }
}
