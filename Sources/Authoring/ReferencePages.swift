package import Definitions
import Hilt

/// The pages that are made from the code.
package enum ReferencePages {
  package struct Page: Sendable {
    /// As it is asked for.
    package let name: String
    package let file: String
    package let text: String
  }

  package static func all(_ registry: ConnectorRegistry) -> [Page] {
    [
      Page(name: "functions", file: "hilt-functions.md", text: HiltReference.functions()),
      Page(name: "channels", file: "channel-files.md", text: ChannelReference.markdown(registry)),
      Page(name: "codes", file: "problem-codes.md", text: codes()),
    ]
  }

  private static func codes() -> String {
    var text = """
      # Codes of problems

      Made from the pages of `docs/errors`; do not edit. `hilum explain CODE` shows a page.

      | code | what it says |
      | --- | --- |

      """
    for code in ErrorPages.codes {
      let title = ErrorPages.page(code)?.split(separator: "\n").first.map { $0.drop { $0 != " " }.dropFirst() } ?? ""
      let words = title.hasPrefix("\(code): ") ? title.dropFirst(code.count + 2) : title
      text += "| \(code) | \(words.replacing("|", with: "\\|")) |\n"
    }
    return text
  }
}
