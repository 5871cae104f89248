/// The shortest way from one thing to another over what each leads to, both ends in it; `nil` where there is none. Of
/// ways that are as short the one whose steps are given first.
package func shortestWay<Node: Hashable>(from start: Node, to end: Node, next: (Node) -> [Node]) -> [Node]? {
  var open = [[start]]
  var seen: Set<Node> = [start]
  while !open.isEmpty {
    let way = open.removeFirst()
    guard let last = way.last else { continue }
    if last == end { return way }
    for node in next(last) where seen.insert(node).inserted { open.append(way + [node]) }
  }
  return nil
}
