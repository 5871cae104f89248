import Foundation
import Glibc
import Testing

extension Ways {
  /// `hilum lsp`, as editors start it.
  @Suite struct `An editor` {
    private static let text = """
      transform t
        in  hl7 2.5.1
        out hl7 2.5.1

      let out = copy msg
      out.PID-8 = upper(PID-8)
      emit out

      """
    private static let sample =
      "MSH|^~\\&|PAS|RXX|EHR|RXX|20240229103000||ADT^A01^ADT_A01|1|P|2.5.1\rPID|1||123^^^RXX^MR||SECRET^A||19800229|F\r"

    private func project() throws -> Project {
      let project = try Project()
      try project.write("Transforms/t.hilt", Self.text)
      for (name, text) in [("first", Self.sample), ("second", Self.sample.replacing("19800229", with: "19900101"))] {
        try project.makeFolder("Transforms/t.tests/\(name)")
        try project.write("Transforms/t.tests/\(name)/in.hl7", text)
      }
      return project
    }

    @Test(.enabled(if: Tools.editor != nil, "python pygls is not installed"))
    func `that others wrote types, asks and is told`() async throws {
      let python = try #require(Tools.editor)
      let project = try project()
      let script = Project.root + "/Tests/WayTests/Peers/lsp_edit.py"
      let said = try await project.run([python, script, Project.binary, project.folder])
      let expected = """
        server hilum utf-16
        problems []
        problems ['6:11 E120']
        completion 39 patient identifier list, CX, 1..* 3
        hover **PID-3**
        actions ['Explain E120']
        problems ['6:6 W101']
        hints ['1 sample first: routed, 1 emitted', '6 = 19800229', '7 = F', '8 = "to every destination"']
        formatting ['let born = PID-7\\n']
        rename [(6, 'day_of_birth')]
        definition 5
        outline t ['out', 'born']
        signature upper(text) 0
        refresh
        hints ['6 = 19900101']
        ended 0

        """
      #expect(said.status == 0 && said.output == expected, "\(said)")
    }

    @Test func `that sends rubbish, byte by byte, still gets its answers`() async throws {
      let server = try Server(in: try project())
      func send(_ text: String) { server.write("Content-Length: \(text.utf8.count)\r\n\r\n\(text)") }
      send(#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#)
      server.write("Content-Length: many\r\n\r\n")
      send("{{{")
      send(#"{"jsonrpc":"2.0","id":2,"method":"no/such"}"#)
      // What is taken back before it is begun is not done.
      send(#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":99}}"#)
      for byte in "Content-Length: 47\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"shutdown\"}   ".utf8 {
        server.write([byte])
      }
      send(#"{"jsonrpc":"2.0","method":"exit"}"#)
      let (status, output, errors) = await server.end()
      #expect(status == 0, "\(output) \(errors)")
      #expect(output.contains("\"positionEncoding\":\"utf-16\"") && output.contains("\"id\":3,\"result\":null"))
      #expect(output.components(separatedBy: "-32700").count == 3 && output.contains("-32601"), "\(output)")
      #expect(errors.isEmpty)
    }

    @Test func `that takes a question back has no answer to it`() async throws {
      let server = try Server(in: try project())
      // So long that the questions behind it are read before it is checked.
      let lines = (0..<1_500).map { "out.PID-8 = upper(\"{PID-8}{PID-5[1].2}\") ?? \"\($0)\"" }
      let text = Self.text.replacing("emit out", with: lines.joined(separator: "\n") + "\nemit out")
        .replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
      let place = #""params":{"textDocument":{"uri":"file:///t.hilt"},"position":{"line":5,"character":5}}"#
      let messages = [
        #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#,
        #"{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///t.hilt","#
          + #""languageId":"hilt","version":1,"text":"\#(text)"}}}"#,
        #"{"jsonrpc":"2.0","id":2,"method":"textDocument/hover",\#(place)}"#,
        #"{"jsonrpc":"2.0","id":"three","method":"textDocument/hover",\#(place)}"#,
        #"{"jsonrpc":"2.0","id":4,"method":"shutdown"}"#,
        #"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":"three"}}"#,
        #"{"jsonrpc":"2.0","method":"exit"}"#,
      ]
      server.write(messages.map { "Content-Length: \($0.utf8.count)\r\n\r\n\($0)" }.joined())
      let (status, output, _) = await server.end()
      #expect(status == 0 && output.contains("\"id\":2,\"result\":{\"contents\""), "\(output.suffix(2_000))")
      #expect(output.contains("\"id\":\"three\",\"error\":{\"code\":-32800"), "\(output.suffix(2_000))")
      #expect(output.contains("\"id\":4,\"result\":null"))
    }

    @Test func `that goes away without a word leaves nothing behind`() async throws {
      let server = try Server(in: try project())
      server.write("Content-Length: 20\r\n\r\n{\"jsonrpc\"")
      let (status, _, errors) = await server.end()
      #expect(status == 1 && errors.isEmpty)
    }

    @Test func `is shown what a sample holds, and no log is`() async throws {
      let project = try project()
      let server = try Server(in: project)
      func send(_ text: String) { server.write("Content-Length: \(text.utf8.count)\r\n\r\n\(text)") }
      let address = "file://\(project.path("Transforms/t.hilt"))"
      let text = Self.text.replacing("PID-8)", with: "PID-5[1].1.1)").replacing("\n", with: "\\n")
      send(#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{},"trace":"verbose"}}"#)
      send(
        #"{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"\#(address)","languageId":"#
          + #""hilt","version":1,"text":"\#(text)"}}}"#)
      send(
        #"{"jsonrpc":"2.0","id":2,"method":"textDocument/inlayHint","params":{"textDocument":{"uri":"\#(address)"}}}"#)
      send(#"{"jsonrpc":"2.0","id":3,"method":"shutdown"}"#)
      send(#"{"jsonrpc":"2.0","method":"exit"}"#)
      let (status, output, errors) = await server.end()
      #expect(status == 0 && errors.isEmpty)
      let holding = output.components(separatedBy: "Content-Length").filter { $0.contains("SECRET") }
      #expect(holding.count == 1 && holding[0].contains("\"id\":2"), "\(output)")
      #expect(!output.contains("logMessage") && !output.contains("logTrace"))
    }
  }
}

/// A language server, with its ends in our hands.
private final class Server {
  private let process = Process()
  private let input = Pipe()
  private let output: String
  private let errors: String
  /// Its folder goes with it.
  private let project: Project

  init(in project: Project) throws {
    self.project = project
    output = project.path("lsp.out")
    errors = project.path("lsp.err")
    for path in [output, errors] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
    process.executableURL = URL(fileURLWithPath: Project.binary)
    process.arguments = ["lsp", "--stdio"]
    process.currentDirectoryURL = URL(fileURLWithPath: project.folder)
    process.standardInput = input
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: errors)
    try process.run()
  }

  deinit { if process.isRunning { process.terminate() } }

  func write(_ text: String) { write(Array(text.utf8)) }
  func write(_ bytes: [UInt8]) { try? input.fileHandleForWriting.write(contentsOf: Data(bytes)) }

  /// Says no more, and waits for its end.
  func end() async -> (status: Int32, output: String, errors: String) {
    try? input.fileHandleForWriting.close()
    for _ in 0..<200 where process.isRunning { try? await Task.sleep(for: .milliseconds(100)) }
    if process.isRunning { process.terminate() }
    process.waitUntilExit()
    func text(_ path: String) -> String {
      String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
    return (process.terminationStatus, text(output), text(errors))
  }
}
