import HL7

/// The outline of a draft as it stands, and the segments that it is of.
struct DraftOutline {
  var outline: HL7Outline
  var segments: [Int]
}

extension Run {
  /// The groups of some segments of a message, the content of one instance of a group of its grammar.
  ///
  /// That of a whole draft is kept and goes along with its changes; that of a group in it is taken from there.
  func outline(
    of segments: [Int], _ structure: HL7Structure, _ group: Int, in message: MessageReference, at span: Span
  ) throws -> HL7Outline {
    if let draft = message.draft, let known = outlines[draft], let part = known.part(segments, group) {
      try step(bytes: segments.count << 3, at: span)
      return part
    }
    try step(bytes: segments.count << 6, at: span)
    let codes = segments.map { knownCode(of: $0, in: message) }
    let orders = orders(among: segments, codes, structure, in: message)
    let outline = HL7Outline(codes, structure: structure, group: group, orders: orders)
    if group == 0, let draft = message.draft, orders.isEmpty, segments.count == segmentIDs(in: message).count {
      outlines[draft] = DraftOutline(outline: outline, segments: segments)
    }
    return outline
  }

  /// The ordinals of segments that begin an order and no earlier result, as their content says.
  func orders(
    among segments: [Int], _ codes: [HL7SegmentCode?], _ structure: HL7Structure, in message: MessageReference
  ) -> Set<Int> {
    guard codes.contains(Self.orc), structure.hasEarlierResults else { return [] }
    return Set(
      codes.indices.filter { ordinal in
        guard codes[ordinal] == Self.orc else { return false }
        let control = field(1, of: segments[ordinal], in: message).bytes
        return Self.requests.contains { $0.elementsEqual(control) }
      })
  }

  /// What is known of a draft's groups is so no more: a change of what tells its structure, or of its segments.
  func forgetOutline(of draft: Int) { outlines[draft] = nil }

  static let orc = HL7SegmentCode("ORC")

  /// Order control codes (table 0119) with which something is asked for: an earlier result has `PR`, «previous results
  /// with new order», or `RE`.
  private static let requests = [
    "NW", "CA", "CH", "DC", "HD", "NA", "PA", "PY", "RL", "RO", "RP", "SN", "SS", "XO",
  ].map { Array($0.utf8) }
}

extension DraftOutline {
  /// The outline of an instance that these segments are; `nil` where they are none.
  func part(_ given: [Int], _ group: Int) -> HL7Outline? {
    if given.count == segments.count, group == 0 { return given == segments ? outline : nil }
    guard group != 0, let first = given.first, let start = segments.firstIndex(of: first) else { return nil }
    var next: Int? = outline.owners[start]
    while let instance = next {
      let one = outline.instances[instance]
      if one.group == group {
        return segments[one.segments].elementsEqual(given) ? outline.part(instance) : nil
      }
      next = one.parent
    }
    return nil
  }

  /// Takes segments away; whether all others stay where they are.
  mutating func remove(_ gone: Set<Int>) -> Bool {
    guard outline.remove(segments.indices.filter { gone.contains(segments[$0]) }) else { return false }
    segments.removeAll { gone.contains($0) }
    return true
  }

  mutating func insert(_ id: Int, _ code: HL7SegmentCode, after: Int?) -> Bool {
    guard let after, let place = segments.firstIndex(of: after), outline.insert(code, at: place + 1) else {
      return false
    }
    segments.insert(id, at: place + 1)
    return true
  }
}
