import Text

/// How lines of fields are read and written: `delimited separator ";" header yes columns mrn, family`.
package struct DelimitedLayout: Sendable, Hashable {
  package struct Column: Sendable, Hashable {
    /// How the program calls it.
    package var name: String
    /// How the first line calls it.
    package var title: String
  }

  package var separator = UInt8(ascii: ",")
  /// The first line names the columns; on reading they may stand in any order there.
  package var hasHeader = false
  package var columns: [Column] = []

  /// Why a file's content can't be read as such lines: where, never what stands there.
  struct Unreadable: Error, CustomStringConvertible {
    let description: String
  }

  /// The lines, each with its number first (from 1, without the header) and then the columns; what is empty is absent.
  func rows(of bytes: [UInt8], _ charset: Charset) throws -> Datum {
    var bytes = bytes
    // A byte-order mark says UTF-8 itself.
    if charset != .utf8, !bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = Array(try charset.decode(bytes[...]).utf8) }
    let text = Delimited(bytes, separator: separator)
    if let mistake = text.mistakes.first { throw Unreadable(description: "line \(mistake.line): \(mistake)") }
    var rows = text.rows[...]
    var places = Array(columns.indices)
    if hasHeader {
      guard let header = rows.popFirst() else { throw Unreadable(description: "there is no line of column names") }
      places = try columns.map { column in
        let named = header.indices.filter { header[$0].text == column.title }
        guard let place = named.first else {
          throw Unreadable(description: "its first line names no column '\(column.title)'")
        }
        guard named.count == 1 else {
          throw Unreadable(description: "its first line names the column '\(column.title)' \(named.count) times")
        }
        return place
      }
      // A value with the separator in it and no quotes around it moves all behind it into other columns.
      if let long = rows.first(where: { $0.dropFirst(header.count).contains { !$0.text.isEmpty } }) {
        throw Unreadable(
          description:
            "line \(long[0].line) has \(long.count) places, and its first line names \(header.count) columns; "
            + "a value with the separator in it stands in quotes")
      }
    }
    return .list(
      rows.enumerated().map { index, row in
        let values = places.map { place in
          place < row.count && !row[place].text.isEmpty ? Datum.text(row[place].text) : .absent
        }
        return .row([.number(Decimal(index + 1))] + values)
      })
  }

  /// The steps that reading a file takes, before it is read: what is made of short lines and fields is many times as
  /// large as they are.
  func cost(of bytes: [UInt8]) -> Int {
    var (lines, fields) = (0, 0)
    for byte in bytes {
      if byte == 0x0A || byte == 0x0D { lines += 1 }
      if byte == separator { fields += 1 }
    }
    return bytes.count >> 6 + lines * (1 + columns.count >> 3) + fields >> 3
  }

  /// Lines of texts, each in the order of the columns, with CRLF behind each (RFC 4180).
  func text(of rows: [[String]]) -> String {
    var text = ""
    for row in (hasHeader ? [columns.map(\.title)] : []) + rows {
      let fields = row.map { field in
        let isPlain = field.utf8.allSatisfy { $0 != separator && $0 != 0x22 && $0 != 0x0A && $0 != 0x0D }
        return isPlain ? field : "\"" + field.replacing("\"", with: "\"\"") + "\""
      }
      text += fields.joined(separator: String(decoding: [separator], as: UTF8.self)) + "\r\n"
    }
    return text
  }
}
