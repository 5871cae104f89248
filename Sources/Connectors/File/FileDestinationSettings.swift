package import ConnectorKit

/// The settings of `file:` as a destination.
package struct FileDestinationSettings: Settings {
  /// What to do where a file of that name is there already. It is never overwritten.
  package enum Collision: String, SettingChoice {
    case number, refuse
  }

  @Setting(
    "The folder to write into. It must exist: one that is made by mistake hides a mount that is missing.",
    example: "out/adt")
  package var directory: FilePath
  @Setting(
    """
    The name of each file. `/` in it makes subfolders; a value of the message never does. `{sequence("lab", 6)}` is \
    the next number of that name in the channel, given in the commit: none is left out, none comes twice, and every \
    try has the same.
    """, example: "{MSH-10}.hl7")
  package var name: Template
  @Setting(
    """
    Where a file of that name is there already: `number` writes `NAME-2`, `refuse` refuses the message with the code \
    `exists`. A file is never overwritten.
    """, default: .number)
  package var onCollision: Collision

  package init() {}
}
