/// Where each token and comment of each line begins: columns that the author made stay columns.
///
/// Two tokens of consecutive lines stand in a column where both began equally far behind their lines' first tokens and
/// at least one had two spaces or more before it. A column begins as far left as all of its lines let it. A comment at
/// a line's end stays in its column where two spaces fit before it; those that began below one another move together.
struct LayoutColumns {
  private let lines: [LayoutLine]
  /// The spaces before each piece where it stands in no column.
  private var gaps: [[Int]] = []
  /// Of each piece the column it is in.
  private var columnOf: [[Int?]] = []
  private var members: [[(line: Int, index: Int)]] = []

  init(_ lines: [LayoutLine]) {
    self.lines = lines
    columnOf = lines.map { Array(repeating: nil, count: $0.pieces.count) }
    var depth = 0
    for line in lines { gaps.append(Self.gaps(of: line, &depth)) }
    for index in lines.indices.dropFirst() where !lines[index].hasBlankBefore {
      if lines[index].indentation == lines[index - 1].indentation, !lines[index].isComment, !lines[index - 1].isComment
      {
        joinTokens(index - 1, index)
      }
      joinComments(index - 1, index)
    }
  }

  /// - Parameter braces: how many braces are open.
  private static func gaps(of line: LayoutLine, _ braces: inout Int) -> [Int] {
    let tokens = line.tokens
    let spacing = LayoutSpacing(tokens: tokens)
    var gaps: [Int] = []
    for index in tokens.indices {
      gaps.append(index == 0 ? line.indentation : spacing.before(index, isInBlock: braces > 0))
      if tokens[index].sign == .leftBrace { braces += 1 }
      if tokens[index].sign == .rightBrace { braces = max(0, braces - 1) }
    }
    if line.isComment { gaps.append(line.indentation) } else if line.comment != nil { gaps.append(2) }
    return gaps
  }

  // MARK: Which stand together

  /// How far behind its line's first piece a piece began.
  private func distance(_ line: Int, _ index: Int) -> Int {
    lines[line].pieces[index].column - lines[line].pieces[0].column
  }

  private mutating func joinTokens(_ above: Int, _ below: Int) {
    let (first, second) = (lines[above].tokens, lines[below].tokens)
    var (a, b) = (1, 1)
    while a < first.count, b < second.count {
      let (left, right) = (distance(above, a), distance(below, b))
      if left == right {
        let (one, other) = (first[a].gap, second[b].gap)
        if min(gaps[above][a], gaps[below][b], one, other) >= 1, max(one, other) >= 2 { join((above, a), (below, b)) }
        a += 1
        b += 1
      } else if left < right {
        a += 1
      } else {
        b += 1
      }
    }
  }

  private mutating func joinComments(_ above: Int, _ below: Int) {
    guard lines[above].comment != nil, lines[below].comment != nil else { return }
    let (a, b) = (lines[above].pieces.count - 1, lines[below].pieces.count - 1)
    // A comment alone belongs to those above it where it began below them, and not where the code does.
    if lines[above].isComment, columnOf[above][a] == nil { return }
    let isBelow = lines[above].pieces[a].column == lines[below].pieces[b].column
    if lines[below].isComment {
      if isBelow, lines[below].pieces[b].column > lines[below].indentation { join((above, a), (below, b)) }
    } else if isBelow
      || lines[above].indentation == lines[below].indentation && !lines[above].isComment
        && distance(above, a) == distance(below, b)
    {
      join((above, a), (below, b))
    }
  }

  private mutating func join(_ above: (line: Int, index: Int), _ below: (line: Int, index: Int)) {
    let column: Int
    if let known = columnOf[above.line][above.index] {
      column = known
    } else {
      column = members.count
      members.append([above])
      columnOf[above.line][above.index] = column
    }
    members[column].append(below)
    columnOf[below.line][below.index] = column
  }

  // MARK: Where they stand

  /// The column of each piece of each line, from 0.
  func columns() -> [[Int]] {
    var starts: [[Int]] = lines.map { _ in [] }
    var places = [Int?](repeating: nil, count: members.count)
    // A column depends on those to its left only.
    let order = members.indices.sorted { key(of: $0) < key(of: $1) }
    for column in order {
      var place = 0
      for (line, index) in members[column] {
        advance(line, upTo: index, &starts, places)
        place = max(place, self.place(line, index, starts))
      }
      places[column] = place
    }
    for line in lines.indices { advance(line, upTo: lines[line].pieces.count, &starts, places) }
    return starts
  }

  /// Tokens before comments, from left to right.
  private func key(of column: Int) -> (Int, Int) {
    let (line, index) = members[column][0]
    let isComment = lines[line].pieces[index].isComment
    return (isComment ? 1 : 0, isComment ? column : distance(line, index))
  }

  private func place(_ line: Int, _ index: Int, _ starts: [[Int]]) -> Int {
    guard index > 0 else { return gaps[line][index] }
    let place = starts[line][index - 1] + lines[line].pieces[index - 1].width + gaps[line][index]
    let piece = lines[line].pieces[index]
    return piece.isComment ? max(place, piece.column) : place
  }

  private func advance(_ line: Int, upTo end: Int, _ starts: inout [[Int]], _ places: [Int?]) {
    while starts[line].count < end {
      let index = starts[line].count
      let place = place(line, index, starts)
      starts[line].append(max(place, columnOf[line][index].flatMap { places[$0] } ?? 0))
    }
  }
}
