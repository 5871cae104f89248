import Foundation
import Glibc

/// Makes system calls of a running engine fail or wait, with strace, until it is ended.
final class Injection: Sendable {
  private let strace: Launch

  /// - Parameters:
  ///   - what: `fdatasync:error=EIO`, `pwrite64:error=ENOSPC`, as strace's `inject=` has it.
  ///   - path: only calls on this file.
  init(_ what: String..., into engine: EngineProcess, of project: Project, on path: String? = nil) async throws {
    var words = ["strace", "-f", "-o", "/dev/null", "-p", "\(engine.launch.id)"]
    if let path { words += ["-P", path] }
    for what in what { words += ["-e", "inject=\(what)"] }
    let name = UUID().uuidString.prefix(8)
    strace = try Launch(
      words, in: project.folder, output: "\(project.runs)/strace-\(name).out",
      errors: "\(project.runs)/strace-\(name).err")
    try await eventually("strace is attached: \(strace.errors)") { strace.errors.contains("attached") }
  }

  /// The engine's calls go through again. Killed, strace could leave a thread behind in the middle of a call that it
  /// changed: on a busy machine it takes its time to let go of all of them.
  func end() async {
    strace.signal(SIGTERM)
    if await strace.ending(within: 60) == nil { await strace.kill() }
  }
}
