import CErrorPages

/// The pages of `docs/errors`, one for each code, compiled into the program: an installed binary has no docs beside it.
package enum ErrorPages {
  /// The page of a code, in whichever case it is written; `nil` where there is none.
  package static func page(_ code: String) -> String? { pages[code.uppercased()] }

  /// The codes that have a page, in their order.
  package static var codes: [String] { pages.keys.sorted() }

  /// Makes the text that is compiled in from the files of `docs/errors`, by their names.
  package static func joined(_ files: [String: String]) -> String {
    files.filter { $0.key.hasSuffix(".md") && $0.key != "README.md" }.sorted { $0.key < $1.key }
      .map { "\(mark)\($0.key.dropLast(3)) -->\n\($0.value)" }.joined()
  }

  /// Begins each page in the joined text; no page has such a line of its own.
  private static let mark = "<!-- page "

  private static let pages = split(
    String(
      decoding: UnsafeBufferPointer(start: hilum_error_pages, count: hilum_error_pages_bytes), as: UTF8.self))

  static func split(_ joined: String) -> [String: String] {
    var pages: [String: String] = [:]
    var code: String?
    for line in joined.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix(mark) {
        code = String(line.dropFirst(mark.count).prefix { $0 != " " })
        pages[code ?? ""] = ""
      } else if let code {
        pages[code, default: ""] += line + "\n"
      }
    }
    return pages.mapValues { page in
      String(page.reversed().drop { $0 == "\n" }.reversed()) + "\n"
    }
  }
}
