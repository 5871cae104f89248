import ConnectorKit
import Messages
import Text

/// A table of channels that are made from one template: each row one, the columns named after its parameters.
struct InstancesFile: Sendable {
  /// More channels are no table that a person keeps.
  static let rowsMax = 1_000
  static let bytesMax = YAMLReader.fileBytesMax

  struct Cell: Sendable {
    let text: String
    let place: Place
  }

  struct Row: Sendable {
    let name: Cell
    /// What is given, by parameter. A cell with nothing in it gives nothing.
    let cells: [String: Cell]
    /// Where a cell with nothing in it stands.
    let blanks: [String: Place]
    let line: Int

    /// The row as part of a revision: a table of this channel alone, so that another row is another channel's affair.
    /// The columns are in an order of their own; those without a value are left out.
    var alone: [UInt8] {
      let columns = cells.keys.sorted()
      let header = [ParameterDeclaration.channel] + columns
      let values = [name.text] + columns.map { cells[$0]?.text ?? "" }
      return Array((Self.line(header) + Self.line(values)).utf8)
    }

    /// By scalars: a mark that is put on a quote or a comma doesn't take it out of the reader's sight.
    private static func line(_ fields: [String]) -> String {
      fields.map { field in
        let scalars = field.unicodeScalars
        if !scalars.isEmpty, !scalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) { return field }
        return "\"" + scalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
      }.joined(separator: ",") + "\n"
    }
  }

  let path: String
  let bytes: [UInt8]
  let source: SourceText
  private(set) var rows: [Row] = []
  /// The columns, with the places of their names.
  private(set) var columns: [String: Place] = [:]
  private(set) var problems: [Problem] = []
  /// Nothing can be made of it.
  private(set) var isUnusable = false

  init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
    if bytes.count > Self.bytesMax {
      source = SourceText(file: path, text: "")
      refuse("C115", "this table has \(bytes.count) bytes; at most \(ByteSize(bytes: Self.bytesMax).text) are read")
      return
    }
    source = SourceText(file: path, text: String(decoding: bytes.drop(bom: [0xEF, 0xBB, 0xBF]), as: UTF8.self))
    let table = Delimited(bytes)
    for mistake in table.mistakes.prefix(20) {
      let place = Place(file: path, line: mistake.line, column: mistake.column)
      problems.append(Problem("C162", mistake.description, at: place))
    }
    guard let header = table.rows.first, table.rows.count > 1 || !table.mistakes.isEmpty else {
      let help = ["a header and a row for each channel: channel,port then lab-north,2601"]
      refuse("C162", "this table has no row, and makes no channel", help: help)
      return
    }
    if table.rows.count - 1 > Self.rowsMax {
      refuse(
        "C115", "this table has \(table.rows.count - 1) rows; at most \(Self.rowsMax) channels are made of one",
        help: ["is this a code table? Transforms read those with `table … from`"])
      return
    }
    read(header)
    guard columns[ParameterDeclaration.channel] != nil else { return }
    isUnusable = !table.mistakes.isEmpty
    for row in table.rows.dropFirst() { read(row, header) }
  }

  private mutating func refuse(_ code: String, _ message: String, help: [String] = []) {
    problems.append(Problem(code, message, at: Place(file: path, line: 1, column: 1), help: help))
    isUnusable = true
  }

  private func place(_ field: Delimited.Field) -> Place {
    Place(file: path, line: field.line, column: field.column, length: field.length)
  }

  private mutating func read(_ header: [Delimited.Field]) {
    // A spreadsheet leaves columns behind that nobody named.
    for field in header where !field.text.isEmpty {
      if columns[field.text] != nil {
        problems.append(Problem("C162", "the column `\(field.text)` stands twice in this table", at: place(field)))
      }
      columns[field.text] = place(field)
    }
    guard columns[ParameterDeclaration.channel] == nil else { return }
    isUnusable = true
    if header.count == 1, let mark = [";", "\t"].first(where: { header[0].text.contains($0) }) {
      let name = mark == "\t" ? "tabs" : "`\(mark)`"
      return problems.append(
        Problem(
          "C162", "the fields of this table are parted by \(name), and commas are read",
          at: Place(file: path, line: 1, column: 1, length: max(1, header[0].length)),
          help: ["save it as CSV with commas"]))
    }
    let near = nearest(to: ParameterDeclaration.channel, among: header.map(\.text))
    let first = near.flatMap { columns[$0] } ?? Place(file: path, line: 1, column: 1, length: max(1, header[0].length))
    problems.append(
      Problem(
        "C162", "this table has no column `channel`, which gives each channel its name", at: first,
        label: near.map { _ in "did you mean `channel`?" },
        help: ["channel,port,… as the first line", "fields are parted by commas"]))
  }

  private mutating func read(_ row: [Delimited.Field], _ header: [Delimited.Field]) {
    // What a spreadsheet leaves below the last row.
    if row.allSatisfy(\.text.isEmpty) { return }
    guard row.count == header.count else {
      let extra = row.count > header.count ? row[header.count] : row[row.count - 1]
      problems.append(
        Problem(
          "C162",
          "this row has \(row.count) field\(row.count == 1 ? "" : "s"), and the table has \(header.count) columns",
          at: place(extra), help: ["put quotes around a value that holds a comma"]))
      return
    }
    var cells: [String: Cell] = [:]
    var blanks: [String: Place] = [:]
    for (name, field) in zip(header, row) {
      if name.text.isEmpty {
        guard !field.text.isEmpty else { continue }
        problems.append(Problem("C162", "this value stands in a column that has no name", at: place(field)))
        continue
      }
      if field.text.isEmpty { blanks[name.text] = place(field) }
      if field.text.contains("${") {
        problems.append(
          Problem(
            "C162", "a value of a table is taken as it is, and `${…}` is not resolved in it", at: place(field),
            help: ["${NAME} in the template, or in `with:`"]))
      }
      if !field.text.isEmpty { cells[name.text] = Cell(text: field.text, place: place(field)) }
    }
    guard let name = cells.removeValue(forKey: ParameterDeclaration.channel) else {
      problems.append(
        Problem(
          "C162", "this channel has no name", at: blanks[ParameterDeclaration.channel] ?? place(row[0]),
          help: ["small letters, digits and `-`, another for each row"]))
      return
    }
    rows.append(Row(name: name, cells: cells, blanks: blanks, line: name.place.line))
  }
}

extension Array where Element == UInt8 {
  /// Without a mark at its beginning.
  fileprivate func drop(bom: [UInt8]) -> ArraySlice<UInt8> { starts(with: bom) ? dropFirst(bom.count) : self[...] }
}
