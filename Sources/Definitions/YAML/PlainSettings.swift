package import ConnectorKit
package import Messages

/// A small file of settings that belongs to no channel, such as the parameters of a test case.
package enum PlainSettings {
  /// What stands in the file, and what is wrong with it.
  package static func read(
    _ bytes: [UInt8], file: String
  ) -> (node: SettingNode?, problems: [Problem], source: String) {
    let outcome = YAMLReader.read(bytes, file: file)
    return (outcome.node, outcome.problems, outcome.source.text)
  }
}
