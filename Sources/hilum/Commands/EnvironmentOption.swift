import ArgumentParser
import Foundation

/// `--env`, of the commands that read channel files.
struct EnvironmentOption: ParsableArguments {
  @Option(
    name: .customLong("env"),
    help: "The environment: environments/NAME.yaml beside the channels. HILUM_ENV unless said.")
  var said: String?

  /// The environment's name; `nil` for none.
  var name: String? {
    let name = said ?? ProcessInfo.processInfo.environment[Self.variable] ?? ""
    return name.isEmpty ? nil : name
  }

  static let variable = "HILUM_ENV"

  func validate() throws {
    guard let name else { return }
    try Self.check(name)
  }

  /// An environment's name is that of a file.
  static func check(_ name: String) throws {
    let isName = name.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }
    guard isName, !name.isEmpty else {
      throw ValidationError("An environment is named with letters, digits, `-` and `_`; not \(Terminal.safe(name)).")
    }
  }
}
