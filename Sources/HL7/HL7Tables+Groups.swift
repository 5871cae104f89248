extension HL7Tables {
  /// The names of all groups that any structure of any version has: `PATIENT_RESULT`, `ORDER_OBSERVATION`.
  package static let groupNames: Set<String> = {
    var names: Set<String> = []
    for name in structureNames {
      for version in structureVersions(name).names {
        guard let structure = structure(name, version: version) else { continue }
        names.formUnion(structure.groups.map(\.name))
      }
    }
    names.remove("")
    return names
  }()
}
