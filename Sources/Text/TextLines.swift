/// Where the lines of a text begin, for places that people read.
package struct TextLines: Sendable {
  private var starts = [0]

  package init(_ bytes: some Sequence<UInt8>) {
    for (offset, byte) in bytes.enumerated() where byte == 0x0A { starts.append(offset + 1) }
  }

  /// Both count from 1; a column is a byte.
  package func place(of offset: Int) -> (line: Int, column: Int) {
    var (low, high) = (0, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle } else { high = middle }
    }
    return (low + 1, offset - starts[low] + 1)
  }
}
