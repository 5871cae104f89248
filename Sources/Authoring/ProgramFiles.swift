import Foundation
import Glibc
import Messages

/// The files that an author's tools read and write.
package enum ProgramFiles {
  /// What a tool could not do with a file.
  package struct Trouble: Error, CustomStringConvertible {
    package let description: String
    /// The path names nothing: a slip of the person who typed it.
    package let isMissing: Bool

    init(_ description: String, isMissing: Bool = false) {
      self.description = description
      self.isMissing = isMissing
    }
  }

  /// Folders that hold what is made, not what is written.
  private static let made: Set<String> = ["data", "node_modules"]

  /// The programs that paths name: a file as it is, of a folder every `*.hilt` in it and below it, sorted. What begins
  /// with a point is left out, and the engine's data too.
  package static func programs(_ paths: [String]) throws(Trouble) -> [String] {
    var found: [String] = []
    for path in paths {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw Trouble("there is no file or folder \(path)", isMissing: true)
      }
      found += isFolder.boolValue ? below(path) { $0.hasSuffix(".hilt") } : [path]
    }
    var seen: Set<String> = []
    return found.filter { seen.insert($0).inserted }
  }

  /// The files below a folder whose name fits, sorted.
  static func below(_ folder: String, _ fits: (String) -> Bool) -> [String] {
    var found: [String] = []
    var open = [folder]
    while let next = open.popLast() {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: next)) ?? [] where !name.hasPrefix(".") {
        let path = next == "." ? name : next.hasSuffix("/") ? next + name : next + "/" + name
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { continue }
        // A link to a folder could lead round in a circle.
        let isLink = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil
        if isFolder.boolValue {
          if !made.contains(name), !isLink { open.append(path) }
        } else if fits(name) {
          found.append(path)
        }
      }
    }
    return found.sorted()
  }

  package static func read(_ path: String) throws(Trouble) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw Trouble("there is no file \(path)", isMissing: true)
      }
      throw Trouble(isFolder.boolValue ? "\(path) is a folder" : "\(path) can't be read")
    }
    return [UInt8](data)
  }

  /// A text of a person; not bytes that only look like one.
  package static func text(_ path: String) throws(Trouble) -> String {
    guard let text = String(validating: try read(path), as: UTF8.self) else {
      throw Trouble("\(path) is not text in UTF-8")
    }
    return text
  }

  /// Replaces a file's content as a whole: written beside it, then given its name, with its permissions. Where the name
  /// is a link, what it leads to is replaced.
  package static func replace(_ path: String, with bytes: [UInt8]) throws(Trouble) {
    let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let aside = "\((target as NSString).deletingLastPathComponent)/.\((target as NSString).lastPathComponent).new"
    var facts = stat()
    let mode = stat(target, &facts) == 0 ? facts.st_mode & 0o7777 : 0o644
    unlink(aside)
    let file = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard file >= 0 else { throw Trouble("\(path) can't be written: \(String(cString: strerror(errno)))") }
    // The mask of new files says nothing of one that was there.
    var isGood = fchmod(file, mode) == 0
    var rest = bytes[...]
    while isGood, !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { isGood = false }
    }
    isGood = isGood && fsync(file) == 0
    let reason = String(cString: strerror(errno))
    close(file)
    guard isGood, rename(aside, target) == 0 else {
      unlink(aside)
      throw Trouble("\(path) can't be written: \(reason)")
    }
  }

  /// Makes a file that may not be there yet, and its folder.
  package static func write(_ path: String, _ bytes: [UInt8]) throws(Trouble) {
    let folder = (path as NSString).deletingLastPathComponent
    if !folder.isEmpty {
      do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      } catch { throw Trouble("\(folder) can't be made: \(error.localizedDescription)") }
    }
    try replace(path, with: bytes)
  }
}
