import Glibc

/// What the file system refused: in which step, and with which of its errors. Never holds a name that a message
/// decided.
struct FileFault: Error, CustomStringConvertible {
  var step: FileStep
  /// `errno`.
  var number: CInt

  init(_ step: FileStep, _ number: CInt) {
    self.step = step
    self.number = number
  }

  var description: String { "\(step.doing): \(Self.text(number))" }

  /// The system's words for an error, without the locale of the process.
  static func text(_ number: CInt) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    guard strerror_r(number, &buffer, buffer.count - 1) == 0 else { return "error \(number)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension FileFault {
  /// What a step throws, as a value; `nil` where it did what it should.
  static func of(_ step: () throws(FileFault) -> Void) -> FileFault? {
    do throws(FileFault) {
      try step()
      return nil
    } catch {
      return error
    }
  }
}

/// What is done with a folder or a file, one call of the system each.
enum FileStep: Sendable, Hashable {
  case openFolder, list, look, open, read, create, write, syncFile, move, remove, makeFolder, syncFolder, startThread

  var doing: String {
    switch self {
    case .openFolder: "opening the folder"
    case .list: "listing the folder"
    case .look: "looking at a file"
    case .open: "opening a file"
    case .read: "reading a file"
    case .create: "creating a file"
    case .write: "writing a file"
    case .syncFile: "bringing a file to disk"
    case .move: "renaming a file"
    case .remove: "removing a file"
    case .makeFolder: "making a subfolder"
    case .syncFolder: "bringing the folder to disk"
    case .startThread: "starting a thread"
    }
  }
}

/// Called before each step on a file or folder: 0 goes on, anything else is the error that the step gives instead.
/// Tests make disks fail and processes die with it; in the engine there is none.
typealias FileFailpoint = @Sendable (FileStep, FileName?) -> CInt
