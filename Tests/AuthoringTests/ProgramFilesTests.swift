import Foundation
import Testing

@testable import Authoring

@Suite struct ProgramFilesTests {
  @Test func `programs are found below a folder, hidden folders, the engine's data and links to folders left out`()
    throws
  {
    let workshop = try Workshop()
    for name in ["b.hilt", "a/c.hilt", "a/d.txt", ".git/e.hilt", "data/f.hilt"] { try workshop.write(name, "x") }
    try FileManager.default.createSymbolicLink(
      atPath: "\(workshop.path)/a/round", withDestinationPath: workshop.path)
    let found = try ProgramFiles.programs([workshop.path, "\(workshop.path)/b.hilt"])
    #expect(found.map { $0.dropFirst(workshop.path.count + 1) } == ["a/c.hilt", "b.hilt"])
    #expect(throws: ProgramFiles.Trouble.self) { try ProgramFiles.programs(["\(workshop.path)/none"]) }
  }

  @Test func `a file is replaced as a whole, with its permissions, and a link stays a link`() throws {
    let workshop = try Workshop()
    let path = try workshop.write("a.hilt", "old")
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
    let link = "\(workshop.path)/link.hilt"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    try ProgramFiles.replace(link, with: Array("new".utf8))
    #expect(workshop.read("a.hilt") == "new")
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == path)
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o640)
    #expect(workshop.names("") == ["a.hilt", "link.hilt"])
  }

  @Test func `a file that is not text, or can't be cut into tokens, is left as it is`() throws {
    let workshop = try Workshop()
    let path = try workshop.write("a.hilt", "let a = \"x\n")
    guard case .unreadable(let problems, _) = try ProgramLayout.layOut(path, writes: true) else {
      Issue.record("it was laid out")
      return
    }
    #expect(problems.map(\.code) == ["E101"])
    #expect(workshop.read("a.hilt") == "let a = \"x\n")
    try Data([0x61, 0xFF]).write(to: URL(fileURLWithPath: path))
    #expect(throws: ProgramFiles.Trouble.self) { try ProgramLayout.layOut(path, writes: true) }
  }

  @Test func `a file is written only where it changes and that is wanted`() throws {
    let workshop = try Workshop()
    let path = try workshop.write("a.hilt", "let  a=1\r\n")
    guard case .changed = try ProgramLayout.layOut(path, writes: false) else {
      Issue.record("it would not change")
      return
    }
    #expect(workshop.read("a.hilt") == "let  a=1\r\n")
    _ = try ProgramLayout.layOut(path, writes: true)
    #expect(workshop.read("a.hilt")?.utf8.elementsEqual("let a = 1\n".utf8) == true)
    guard case .same = try ProgramLayout.layOut(path, writes: true) else {
      Issue.record("it changed again")
      return
    }
  }
}
