@testable import Definitions
import Foundation
import Testing
import Text

@Suite struct DefinitionFilesTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "definitions-\(UUID())").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test func `files are read whole, up to their limit`() throws {
    try withFolder { folder in
      let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
      try Data(bytes).write(to: URL(filePath: folder + "/x"))
      #expect(try DiskFiles().read(folder + "/x", bytesMax: 200_000) == bytes)
      #expect(throws: FileReadingError.tooLarge(bytesMax: 199_999)) {
        try DiskFiles().read(folder + "/x", bytesMax: 199_999)
      }
      #expect(try DiskFiles().names(in: folder) == ["x"])
    }
  }

  @Test func `what is no file is said in a few words`() throws {
    try withFolder { folder in
      #expect(throws: FileReadingError.missing) { try DiskFiles().read(folder + "/none", bytesMax: 1) }
      #expect(throws: FileReadingError.notAFile) { try DiskFiles().read(folder, bytesMax: 1) }
      #expect(throws: FileReadingError.missing) { try DiskFiles().names(in: folder + "/none") }
      #expect(mkfifo(folder + "/pipe", 0o600) == 0)
      #expect(throws: FileReadingError.notAFile) { try DiskFiles().read(folder + "/pipe", bytesMax: 1) }
    }
  }

  @Test(arguments: [
    ("Channels", "../Transforms/x.hilt", "Transforms/x.hilt"), (".", "x.yaml", "x.yaml"), ("a/b", "./c", "a/b/c"),
    ("/a/b", "../../../c", "/c"), ("a", "/etc/x", "/etc/x"), ("..", "../x", "../../x"), ("a", "..", "."),
  ])
  func `a path is meant from the folder of the file that names it`(folder: String, path: String, joined: String) {
    #expect(RelativePath.joined(folder, path) == joined)
  }

  @Test(arguments: [
    ("Transforms/x.hilt", "Channels", "../Transforms/x.hilt"), ("Channels/a.yaml", "Channels", "a.yaml"),
    ("/s/T/x", "/s/C/d", "../../T/x"), ("x", ".", "x"), ("/x", "Channels", "/x"), ("../x", "../Channels", "../x"),
  ])
  func `a path is shown from the folder of the channel file`(path: String, folder: String, relative: String) {
    #expect(RelativePath.relative(path, to: folder) == relative)
  }
}
