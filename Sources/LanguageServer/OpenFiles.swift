import Definitions
import Hilt
import Text

/// The files of this machine, with those that are open as they stand in the editor.
struct OpenFiles: DefinitionFiles {
  /// Larger files are nothing that a program names.
  static let fileBytesMax = 64 << 20

  /// By path.
  let open: [String: [UInt8]]
  private let disk = DiskFiles()

  init(open: [String: [UInt8]]) { self.open = open }

  func read(_ path: String, bytesMax: Int) throws(FileReadingError) -> [UInt8] {
    if let bytes = open[absolute(path)] {
      guard bytes.count <= bytesMax else { throw .tooLarge(bytesMax: bytesMax) }
      return bytes
    }
    return try disk.read(path, bytesMax: bytesMax)
  }

  func names(in folder: String) throws(FileReadingError) -> [String] { try disk.names(in: folder) }
  func absolute(_ path: String) -> String { disk.absolute(path) }
}

/// What a program names, relative to its folder.
struct OpenNeighbours: HiltFiles {
  let folder: String
  let files: OpenFiles

  func read(_ path: String) throws -> [UInt8] {
    try files.read(RelativePath.joined(folder, path), bytesMax: OpenFiles.fileBytesMax)
  }

  func profile(_ bytes: [UInt8], file: String) -> HiltProfile.Reading { ProfileReader.read(bytes, file: file) }

  /// A program alone names keys that its channels will give.
  func key(_ name: String) -> HiltKey? { .forTrials(name) }
}
