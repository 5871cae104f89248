import ConnectorKit
import Glibc
import Messages
import Synchronization
import Testing

@testable import Connectors

/// Files that vanish, links, pipes, names that are no text, folders that fail, engines that die.
@Suite struct FileSourceFaultTests {
  @Test func `a file that vanishes between finding and opening it is passed over`() async throws {
    var source = try FileTestSource()
    let path = source.scratch.path + "/in/"
    source.failpoint = { step, name in
      if step == .open, name == FileName("b") { unlink(path + "b") }
      return 0
    }
    let inbox = FileTestInbox()
    for name in ["a", "b", "c"] { try source.put(name, name) }
    let looks = try source.start(inbox)
    try await looks.look()
    try await looks.look()
    #expect(inbox.offered.map(\.text) == ["a", "c"])
    #expect(source.log.lines.isEmpty)
  }

  @Test func `a file that is replaced between finding and opening it is taken as what it is then`() async throws {
    var source = try FileTestSource()
    let scratch = source.scratch
    let isReplaced = Mutex(false)
    source.failpoint = { step, name in
      let isFirst = isReplaced.withLock { replaced in
        defer { if step == .open { replaced = true } }
        return step == .open && !replaced
      }
      if isFirst {
        unlink(scratch.path + "/in/a")
        try? scratch.put("a", "another", in: "in")
      }
      return 0
    }
    let inbox = FileTestInbox()
    try source.put("a", "one")
    let looks = try source.start(inbox)
    try await looks.look()
    #expect(inbox.offered.isEmpty)
    try await looks.look()
    #expect(inbox.offered.map(\.text) == ["another"])
  }

  @Test func `a link swapped in for the file is not followed`() async throws {
    var source = try FileTestSource()
    let scratch = source.scratch
    try scratch.put("secret", "secret")
    source.failpoint = { step, name in
      if step == .open, name == FileName("a") {
        unlink(scratch.path + "/in/a")
        symlink("../secret", scratch.path + "/in/a")
      }
      return 0
    }
    let inbox = FileTestInbox()
    try source.put("a", "one")
    let looks = try source.start(inbox)
    try await looks.look()
    try await looks.look()
    #expect(inbox.offered.isEmpty)
    #expect(source.log.lines == ["warning: a is a symbolic link, not a file: it is left alone"])
  }

  @Test func `a file that may not be read is said once and tried again`() async throws {
    var source = try FileTestSource()
    let isShut = Mutex(true)
    source.failpoint = { step, name in step == .open && name == FileName("b") && isShut.withLock { $0 } ? EACCES : 0 }
    let inbox = FileTestInbox()
    for name in ["a", "b", "c"] { try source.put(name, name) }
    let looks = try source.start(inbox)
    for _ in 0..<3 { try await looks.look() }
    #expect(inbox.offered.map(\.text) == ["a", "c"])
    #expect(source.log.lines == ["warning: b can't be read, and is tried again: Permission denied"])
    isShut.withLock { $0 = false }
    try await looks.look()
    #expect(inbox.offered.map(\.text) == ["a", "c", "b"])
  }

  @Test func `links, pipes, sockets and folders are never opened, and said once each`() async throws {
    var source = try FileTestSource()
    let path = source.scratch.path + "/in/"
    try source.scratch.put("outside", "outside")
    #expect(symlink("../outside", path + "link") == 0)
    #expect(symlink("/nonexistent", path + "broken") == 0)
    #expect(mkfifo(path + "pipe", 0o600) == 0)
    #expect(mkdir(path + "folder", 0o700) == 0)
    #expect(mknod(path + "socket", S_IFSOCK | 0o600, 0) == 0)
    let opened = Mutex<[String]>([])
    source.failpoint = { step, name in
      if step == .open { opened.withLock { $0.append("\(name as Any)") } }
      return 0
    }
    let inbox = FileTestInbox()
    let looks = try source.start(inbox)
    for _ in 0..<3 { try await looks.look() }
    #expect(inbox.offered.isEmpty)
    #expect(opened.withLock { $0 }.isEmpty)
    #expect(
      source.log.lines.sorted() == [
        "warning: broken is a symbolic link, not a file: it is left alone",
        "warning: folder is a folder, not a file: it is left alone",
        "warning: link is a symbolic link, not a file: it is left alone",
        "warning: pipe is a pipe, not a file: it is left alone",
        "warning: socket is a socket, not a file: it is left alone",
      ])
  }

  @Test func `names are bytes: what is no text is taken, shown escaped, and keeps its name`() async throws {
    let source = try FileTestSource()
    let inbox = FileTestInbox()
    let names: [(bytes: [UInt8], shown: String)] = [
      (Array("..%2fetc%2fpasswd".utf8), "..%2fetc%2fpasswd"),
      (Array("a\nlevel=error b".utf8), "a\\x0alevel=error b"), (Array("c;rm -rf $(x)".utf8), "c;rm -rf $(x)"),
      ([0x64, 0xFF, 0xC3], "d\\xff\\xc3"), (Array("e\u{1B}[31m\\".utf8), "e\\x1b[31m\\x5c"), (Array("fä".utf8), "fä"),
      (Array("g\u{202E}".utf8), "g\\xe2\\x80\\xae"),
    ]
    for name in names.dropFirst() { try source.scratch.put(FileName(bytes: name.bytes), [1], in: "in") }
    let looks = try source.start(inbox)
    try await looks.look()
    #expect(inbox.offered.map(\.fileName) == names.dropFirst().map(\.shown))
    let moved = try source.scratch.folder("in/done").names().sorted()
    #expect(moved.map(\.bytes) == names.dropFirst().map(\.bytes))
    #expect(moved.map(\.description) == names.dropFirst().map(\.shown))
    #expect(FileName(bytes: names[0].bytes).description == names[0].shown)
  }

  @Test func `a file that is too large is set aside without being read`() async throws {
    var source = try FileTestSource()
    source.messageBytesMax = 100
    source.failpoint = { step, _ in step == .open || step == .read ? EIO : 0 }
    let inbox = FileTestInbox()
    try source.put("a", String(repeating: "x", count: 101))
    try await source.start(inbox).look()
    #expect(inbox.offered.isEmpty)
    #expect(try source.scratch.names(in: "in/failed") == ["a", "a.reason.txt"])
    #expect(
      try source.scratch.text("in/failed/a.reason.txt") == """
        channel: lab
        file: a
        reason: it has 101 bytes; 100 at most are taken

        """)
  }

  @Test func `an engine that dies between commit and move takes nothing twice`() async throws {
    var source = try FileTestSource()
    let inbox = FileTestInbox()
    for name in ["a", "b"] { try source.put(name, name) }
    source.failpoint = { step, name in step == .move ? EIO : 0 }
    try await source.start(inbox).look()
    #expect(try source.scratch.names(in: "in") == ["a", "b", "done", "failed"])
    source.failpoint = nil
    try await source.start(inbox).look()
    #expect(inbox.offered.count == 4)
    #expect(inbox.accepted.withLock { $0 } == ["a", "b"])
    #expect(try source.scratch.names(in: "in/done") == ["a", "b"])
  }

  @Test func `what can't be moved is said once and moved later, without being offered again`() async throws {
    var source = try FileTestSource()
    let isReadOnly = Mutex(true)
    source.failpoint = { step, _ in step == .move && isReadOnly.withLock { $0 } ? EROFS : 0 }
    let inbox = FileTestInbox()
    try source.put("a", "A")
    let looks = try source.start(inbox)
    for _ in 0..<3 { try await looks.look() }
    #expect(source.log.lines == ["warning: a was dealt with and can't be put away: Read-only file system"])
    isReadOnly.withLock { $0 = false }
    try await looks.look()
    #expect(inbox.offered.count == 1)
    #expect(try source.scratch.names(in: "in/done") == ["a"])
  }

  @Test func `a next file of the same name is not put away with the first`() async throws {
    let source = try FileTestSource()
    let scratch = source.scratch
    let inbox = FileTestInbox { arrival in
      if arrival.text == "one" {
        unlink(scratch.path + "/in/a")
        try? scratch.put("a", "two!", in: "in")
      }
      return nil
    }
    try source.put("a", "one")
    let looks = try source.start(inbox)
    try await looks.look()
    #expect(try scratch.text("in/a") == "two!")
    try await looks.look()
    #expect(inbox.accepted.withLock { $0 } == ["one", "two!"])
    #expect(try scratch.text("in/done/a") == "two!")
  }

  @Test func `even a file that takes the name in the instant of the move is given back`() async throws {
    var source = try FileTestSource()
    let scratch = source.scratch
    let hasStruck = Mutex(false)
    source.failpoint = { step, name in
      let strikes = hasStruck.withLock { struck in
        defer { if step == .move { struck = true } }
        return step == .move && !struck
      }
      if strikes {
        unlink(scratch.path + "/in/a")
        try? scratch.put("a", "two!", in: "in")
      }
      return 0
    }
    let inbox = FileTestInbox()
    try source.put("a", "one")
    let looks = try source.start(inbox)
    try await looks.look()
    #expect(try scratch.names(in: "in/done").isEmpty)
    try await looks.look()
    #expect(inbox.accepted.withLock { $0 } == ["one", "two!"])
  }

  @Test func `a new file in the place of a deleted one is new, whatever time its sender gave it`() async throws {
    let source = try FileTestSource { $0.after = .delete }
    let inbox = FileTestInbox()
    let looks = try source.start(inbox)
    for text in ["one", "two", "six"] {
      try source.put("a", text)
      source.scratch.setTime("in/a", 1000)
      try await looks.look()
    }
    #expect(inbox.accepted.withLock { $0 } == ["one", "two", "six"])
  }

  @Test func `a folder that is missing or taken away is said clearly`() async throws {
    let source = try FileTestSource()
    let inbox = FileTestInbox()
    let path = source.scratch.path + "/in"
    let looks = try source.start(inbox)
    #expect(rename(path, source.scratch.path + "/old") == 0)
    let gone = await #expect(throws: FileSourceFault.self) { try await looks.look() }
    #expect(gone?.description == "\(path): the folder was taken away or replaced")
    let missing = #expect(throws: FileSourceFault.self) { try source.start(inbox) }
    #expect(missing?.description == "\(path): opening the folder: No such file or directory")
    let run = await #expect(throws: FileSourceFault.self) { try await looks.source.run(inbox) }
    #expect(run?.path == path)
  }

  @Test func `a folder to move to must not be the folder itself, nor on another file system`() async throws {
    let source = try FileTestSource()
    let inbox = FileTestInbox()
    let path = source.scratch.path
    #expect(symlink("in", path + "/same") == 0)
    source.settings.to = FilePath(path + "/same")
    let same = #expect(throws: FileSourceFault.self) { try source.start(inbox) }
    #expect(same?.reason == "it is the folder that files are taken from; they would be taken again")
    source.settings.to = FilePath("/proc/self")
    let other = #expect(throws: FileSourceFault.self) { try source.start(inbox) }
    #expect(other?.reason == "it is on another file system, and files can't be moved there in one step")
  }

  @Test func `settings that contradict each other are refused before anything is opened`() throws {
    let changes: [(String, (FileSourceSettings) -> Void)] = [
      ("pattern", { $0.pattern = "a/b" }), ("pattern", { $0.pattern = "" }), ("ignore", { $0.ignore = [""] }),
      ("to", { $0.to = FilePath($0.directory.path) }), ("poll", { $0.poll = .zero }),
      ("complete.settle", { $0.complete.settle = .seconds(1) }), ("complete.suffix", { $0.complete.suffix = ".ok" }),
      (
        "to",
        {
          $0.after = .delete
          $0.to = FilePath("/x")
        }
      ),
    ]
    for (setting, change) in changes {
      let source = try FileTestSource(change)
      let error = #expect(throws: SettingError.self) { try FileSource(source.settings, context: source.log.context) }
      #expect(error?.setting == setting)
    }
    let many = try FileTestSource { $0.messages = .many }
    let context = many.log.context
    context.hl7.batch = .refuse
    let error = #expect(throws: SettingError.self) { try FileSource(many.settings, context: context) }
    #expect(error?.setting == "messages")
  }
}
