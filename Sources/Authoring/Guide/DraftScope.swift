import FHIR
import HL7

/// A stretch of the program: all of it, or a loop over a group or a segment.
final class DraftScope {
  enum Item {
    case resource(DraftResource)
    case scope(DraftScope)
  }

  let parent: DraftScope?
  /// `nil` for the whole program.
  let variable: String?
  /// The group that a turn is, in the structure.
  let group: Int
  /// The segment that a turn is; `nil` where it is a group.
  let segment: String?
  /// `patient_result.each ORDER_OBSERVATION`
  let list: String
  var items: [Item] = []
  /// Lists that are declared in it, for what loops in it make.
  var lists: [String] = []

  init(_ parent: DraftScope?, _ variable: String?, group: Int, segment: String? = nil, list: String = "") {
    (self.parent, self.variable, self.group, self.segment, self.list) = (parent, variable, group, segment, list)
  }

  /// What stands before a segment's name there: `order_observation.`
  var prefix: String { variable.map { $0 + "." } ?? "" }

  func isWithin(_ other: DraftScope) -> Bool { self === other || parent?.isWithin(other) ?? false }

  /// The item that a resource is, or is in.
  func index(of resource: DraftResource) -> Int? {
    items.firstIndex { item in
      switch item {
      case .resource(let own): own === resource
      case .scope(let inner): resource.scope.isWithin(inner)
      }
    }
  }

  func resources(at index: Int) -> [DraftResource] {
    switch items[index] {
    case .resource(let resource): [resource]
    case .scope(let scope): scope.resources
    }
  }

  /// Everything in it and in its loops.
  var resources: [DraftResource] {
    items.indices.flatMap { resources(at: $0) }
  }

  /// A segment of a turn, or around it: how it is written. `nil` where there is none, or several.
  func place(of code: HL7SegmentCode, in structure: HL7Structure) -> String? {
    if segment == "\(code)" { return variable }
    if segment == nil, let leaf = leaf(of: code, in: structure), !structure.leaves[leaf].repeats {
      return prefix + "\(code)"
    }
    return parent?.place(of: code, in: structure)
  }

  /// Whether a turn has the segment, as its grammar wants it.
  func always(has code: HL7SegmentCode, in structure: HL7Structure) -> Bool {
    guard let leaf = leaf(of: code, in: structure), structure.leaves[leaf].isRequired else { return false }
    var next = structure.leaves[leaf].group
    while next != group {
      guard structure.groups[next].isRequired, let parent = structure.groups[next].parent else { return false }
      next = parent
    }
    return true
  }

  /// The segment that belongs to a turn itself, and to no loop within it.
  func leaf(of code: HL7SegmentCode, in structure: HL7Structure) -> Int? {
    structure.leaves(of: code, within: group).first { leaf in
      var next = structure.leaves[leaf].group
      while next != group {
        guard !structure.groups[next].repeats, let parent = structure.groups[next].parent else { return false }
        next = parent
      }
      return true
    }
  }
}

/// A resource that is drafted.
final class DraftResource {
  /// `Patient[1]`
  let key: String
  let type: FHIRType
  let variable: String
  let scope: DraftScope
  /// The segment it comes from first.
  let segment: HL7SegmentCode
  let map: String
  let node = DraftNode("")
  /// What the guide asks for.
  var condition: String?
  /// The segments it comes from, of which none may be there unless it is sure.
  var presence: [String] = []
  var isSure = false
  /// Others that it names: they come before it.
  var needs: [DraftResource] = []
  var isNamed = false
  /// The list of another's references that it goes into.
  var collected: [String] = []
  var notes: [(place: GuidePlace, words: String)] = []
  /// Why it isn't made; `nil` where it is.
  var obstacle: String?

  init(
    _ key: String, _ type: FHIRType, _ variable: String, _ scope: DraftScope, from segment: HL7SegmentCode,
    _ map: String
  ) {
    (self.key, self.type, self.variable, self.scope) = (key, type, variable, scope)
    (self.segment, self.map) = (segment, map)
  }
}
