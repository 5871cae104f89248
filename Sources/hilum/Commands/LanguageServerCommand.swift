import ArgumentParser
import Definitions
import Foundation
import Glibc
import LanguageServer

struct LanguageServerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lsp",
    abstract: "The language server of transforms and channel files, for editors, over standard input and output.",
    discussion: """
      An editor starts it; a person has no use for it. While a text is typed it shows the problems that `hilum check`
      finds, with their mends, completes paths and names with what they mean, shows what each line gives for the first
      case beside the transform (NAME.tests/), finds and changes names, and lays the text out. docs/editors.md says how
      VS Code, Neovim, Helix, Emacs and Kate are told of it. Nothing of a message is written to a log.

      Example:
        hilum lsp
      """)
  // Some clients name the way they talk; there is only this one.
  @Flag(help: "Talk over standard input and output, as it does anyway.") var stdio = false

  func run() throws {
    if isatty(0) == 1 {
      Terminal.error("hilum lsp talks with an editor, which starts it (docs/editors.md). Ctrl-C ends it.")
    }
    let server = LanguageServer(version: Hilum.versionNumber, pagesFolder: Self.pagesFolder) { root, files in
      Self.loader(root ?? FileManager.default.currentDirectoryPath, files)
    }
    let code = LanguageSession().run(server)
    if code != 0 { throw ExitCode(code) }
  }

  /// Channel files are read with the settings of the project that they are in, as `hilum check` does there.
  private static func loader(_ root: String, _ files: any DefinitionFiles) -> ChannelLoader? {
    let file = root + "/" + Site.standardFile
    let isThere = FileManager.default.fileExists(atPath: file)
    guard let settings = isThere ? try? Site.settings(file) : .standard(in: root) else { return nil }
    return Site.loader(settings, looksAround: true, files: files)
  }

  /// Where the pages of codes are put, so that an editor can open them.
  private static var pagesFolder: String? {
    let caches = FileManager.default.urls(for: .cachesDirectory, in: .userDomainMask).first
    return caches.map { $0.appending(path: "hilum/errors").path }
  }
}
