extension HL7Structure {
  /// Whether a group may begin with a segment of it: nothing that must be there comes before.
  ///
  /// - Parameter group: one that the leaf is in, or in a group of it.
  package func opens(_ leaf: Int, _ group: Int) -> Bool {
    var position = leaves[leaf].position
    var at = leaves[leaf].group
    while groups[at].neededCount(before: position) == 0 {
      if at == group { return true }
      guard let parent = groups[at].parent else { return false }
      position = groups[at].position
      at = parent
    }
    return false
  }
}
