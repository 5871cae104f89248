import HL7
import Messages

/// W109: a copy that says it is of a version which the program doesn't give.
extension Checker {
  /// What is known of a copy that the program makes.
  struct CopyMade {
    var span: Span
    var name: String?
    var isSent = false
    var writesVersion = false
  }

  /// Warns of copies that are sent with the input's MSH-12, which can't be right. Where the input's range holds the
  /// output's version too, it may be, and nothing is said.
  mutating func warnOfVersion() {
    guard let input = inputVersions, let output = outputVersions, input.isDisjoint(with: output) else { return }
    let versions = outputs.filter { $0.format == .hl7v2 }.compactMap(\.versionUpTo)
    guard let version = versions.first, versions.count == 1 else { return }
    for (_, copy) in copies.sorted(by: { $0.key < $1.key }) where copy.isSent && !copy.writesVersion {
      problems.report(
        .versionKept, "what is copied still says in MSH-12 that it is HL7 \(input), and 'out' says \(version)",
        at: copy.span, help: ["\(copy.name ?? "out").MSH-12.1 = \"\(version)\""])
    }
  }
}
