import ArgumentParser
import Authoring
import Foundation
import Messages

struct FormatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fmt", abstract: "Gives programs the one layout of Hilt.",
    discussion: """
      Lines stay where they end; indentation, spaces and empty lines are decided, and columns that you made stay
      columns. Without a path it takes every .hilt file below ./Transforms and ./Channels. It prints the files that it
      changed. A file that can't be read is left as it is, with what is wrong, and the command exits 1.

      Example:
        hilum fmt
        hilum fmt Transforms/adt-normalise.hilt
        hilum fmt --check                # in CI: exits 1 where a file would change
      """)
  @Argument(help: "Programs, or folders with programs.") var paths: [String] = []
  @Flag(help: "Change nothing; list what would change, and exit 1 where something would.") var check = false

  func run() throws {
    var isGood = true
    do {
      for path in try ProgramFiles.programs(paths.isEmpty ? Self.standard() : paths) {
        do {
          switch try ProgramLayout.layOut(path, writes: !check) {
          case .same: break
          case .changed:
            Terminal.line(path)
            if check { isGood = false }
          case .unreadable(let problems, let source):
            for problem in problems { Terminal.error(problem.rendered(source: source)) }
            isGood = false
          }
        } catch {
          Terminal.error("\(error)")
          isGood = false
        }
      }
    } catch let trouble as ProgramFiles.Trouble {
      throw Failure("\(trouble)", code: trouble.isMissing ? 2 : 1)
    }
    if !isGood { throw ExitCode(1) }
  }

  /// The folders of a project that hold programs.
  static func standard() throws -> [String] {
    let there = ["Transforms", "Channels"].filter { FileManager.default.fileExists(atPath: $0) }
    guard !there.isEmpty else { throw Failure("There is no folder Transforms and no folder Channels here.", code: 2) }
    return there
  }
}
