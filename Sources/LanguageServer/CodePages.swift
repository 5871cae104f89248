import Authoring
import Definitions
import Text

/// The pages of problems' codes as files, because an editor opens files. They are written when one is first named.
struct CodePages {
  private let folder: String?

  init(_ folder: String?) { self.folder = folder }

  func page(_ code: String) -> String? { ErrorPages.page(code) }

  /// The address of a page; `nil` where it is nowhere.
  func address(of code: String) -> String? {
    guard let folder, let page = page(code) else { return nil }
    let path = RelativePath.joined(folder, "\(code.uppercased()).md")
    if (try? ProgramFiles.text(path)) != page {
      do { try ProgramFiles.write(path, Array(page.utf8)) } catch { return nil }
    }
    return FileAddress.address(path)
  }
}
