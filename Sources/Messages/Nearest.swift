/// The candidate that a typist most likely meant: at most two edits away, or a third of the word; `nil` where none is
/// near.
public func nearest(to word: String, among candidates: [String]) -> String? {
  let word = Array(word.lowercased())
  let limit = max(1, min(2, word.count / 3 + 1))
  var best: (distance: Int, candidate: String)?
  for candidate in candidates {
    let letters = Array(candidate.lowercased())
    // What came from outside may be of any length.
    guard abs(letters.count - word.count) <= limit else { continue }
    let distance = editDistance(word, letters)
    if distance <= limit, distance < best?.distance ?? .max { best = (distance, candidate) }
  }
  return best?.candidate
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other (optimal string
/// alignment).
private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
  var rows = Array(repeating: Array(0...b.count), count: 3)
  for i in 1...a.count {
    rows[i % 3][0] = i
    for j in 1...b.count {
      var distance = min(rows[(i + 2) % 3][j] + 1, rows[i % 3][j - 1] + 1)
      distance = min(distance, rows[(i + 2) % 3][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
        distance = min(distance, rows[(i + 1) % 3][j - 2] + 1)
      }
      rows[i % 3][j] = distance
    }
  }
  return rows[a.count % 3][b.count]
}
