import Messages
import Text

/// A code table of a program, read from its file when the program is compiled.
struct Table: Sendable {
  enum Missing: Sendable {
    /// Looking up a key without a row can fail.
    case fails
    case standard(Datum)
    /// Ends the message, or the turn of a loop.
    case decision(Execute)
  }

  var name: String
  var keyCount: Int
  /// The value columns.
  var columns: [String]
  /// By the key columns, joined with a byte that no text of a table holds.
  var rows: [String: Datum]
  var hasEmptyValues: Bool
  var missing: Missing

  /// Between several keys: U+001F, the unit separator of ASCII.
  static let separator = "\u{1F}"

  func find(_ keys: [String], _ run: Run, at span: Span) throws -> Datum {
    let key = keys.count == 1 ? keys[0] : keys.joined(separator: Self.separator)
    if let found = rows[key] { return found }
    switch missing {
    case .standard(let datum): return datum
    case .decision(let execute):
      try execute(run)
      return .absent
    case .fails:
      throw Interrupt.failure(
        Failure(
          .lookup, .unknownRow, "the table '\(name)' has no row for this key", at: span,
          help: ["add the row", "'default' or 'missing' in the table's line", "'catch' here"]))
    }
  }
}

extension Checker {
  /// Reads a table's file and checks its columns and keys. What is wrong in the file is shown in the file.
  mutating func table(_ clause: TableClause) -> Table {
    var table = Table(
      name: clause.name.text, keyCount: clause.keys.count, columns: clause.values.map(\.text), rows: [:],
      hasEmptyValues: false, missing: .fails)
    table.missing = missing(clause)
    let relative = RelativePath.joined(RelativePath.folder(of: modules[module].path), clause.file.text)
    let path = RelativePath.joined(RelativePath.folder(of: source.file), relative)
    let bytes: [UInt8]
    do {
      bytes = try files.read(relative)
    } catch {
      problems.report(.table, "the table's file '\(clause.file.text)' can't be read: \(error)", at: clause.file.span)
      return table
    }
    reached.append(HiltReachedFile(path: relative, bytes: bytes))
    let text = Delimited(bytes)
    for mistake in text.mistakes {
      let place = Place(file: path, line: mistake.line, column: mistake.column)
      problems.add(Problem(Code.table.rawValue, mistake.description, at: place))
    }
    guard text.mistakes.isEmpty else { return table }
    guard let header = text.rows.first else {
      problems.report(
        .table, "the table's file '\(clause.file.text)' is empty", at: clause.file.span,
        help: ["a line of column names"])
      return table
    }
    let keys = clause.keys.map { column($0, header, path) }
    let values = clause.values.map { column($0, header, path) }
    guard !keys.contains(nil), !values.contains(nil) else { return table }
    fill(&table, text.rows.dropFirst(), keys.compactMap(\.self), values.compactMap(\.self), header.count, path)
    return table
  }

  private mutating func missing(_ clause: TableClause) -> Table.Missing {
    switch clause.missing {
    case .fails: return .fails
    case .decision(let decision): return .decision(self.decision(decision))
    case .standard(let expression):
      let value = typed(expression)
      guard let constant = value.constant, value.type == .text || value.type == .nothing else {
        if value.type != .broken {
          problems.report(.constant, "a table's default is a text, 'absent' or 'null'", at: value.span)
        }
        return .fails
      }
      guard clause.values.count == 1 else {
        problems.report(
          .table, "a table with several value columns has no 'default'", at: value.span,
          help: ["missing fail \"…\"", "'catch' where it is looked up"])
        return .fails
      }
      return .standard(constant)
    }
  }

  private mutating func column(_ word: Word, _ header: [Delimited.Field], _ path: String) -> Int? {
    if let index = header.firstIndex(where: { $0.text == word.text }) { return index }
    let names = header.map(\.text)
    problems.report(
      .tableColumn, "'\(path)' has no column '\(word.text)'", at: word.span,
      help: nearest(word.text, among: names).map { ["did you mean '\($0)'?"] } ?? [names.joined(separator: ", ")],
      fix: surelyMeant(word.text, among: names).map { (word.span, $0) })
    return nil
  }

  private mutating func fill(
    _ table: inout Table, _ rows: ArraySlice<[Delimited.Field]>, _ keys: [Int], _ values: [Int], _ width: Int,
    _ path: String
  ) {
    var lines: [String: Int] = [:]
    for row in rows {
      let first = row[0]
      guard row.count == width else {
        let place = Place(file: path, line: first.line, column: first.column, length: first.length)
        problems.add(
          Problem(
            Code.table.rawValue, "the first line has \(width) fields, this row has \(row.count)", at: place))
        continue
      }
      let key = keys.map { row[$0].text }.joined(separator: Table.separator)
      if let line = lines[key] {
        let field = row[keys[0]]
        let place = Place(file: path, line: field.line, column: field.column, length: field.length)
        problems.add(
          Problem(Code.tableKeyTwice.rawValue, "this key stands in line \(line) already", at: place))
        continue
      }
      lines[key] = first.line
      let found = values.map { row[$0].text.isEmpty ? Datum.absent : Datum.text(row[$0].text) }
      if found.contains(where: \.isAbsent) { table.hasEmptyValues = true }
      table.rows[key] = found.count == 1 ? found[0] : .row(found)
    }
  }
}
