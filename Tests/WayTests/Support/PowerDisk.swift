import Foundation
import Glibc

/// A disk whose power can be cut: ext4 in a file. A copy of that file, made while everything runs, is what the disk
/// held at that moment.
final class PowerDisk: Sendable {
  let folder: String
  private let image: String

  /// Root, loop devices and mkfs.ext4 are there.
  static let canBeMade: Bool = {
    guard Tools.isRoot, Tools.has("mkfs.ext4"), Tools.has("losetup"), Tools.has("mount") else { return false }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Tools.path("losetup") ?? "")
    process.arguments = ["-f"]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()

  init(image: String? = nil) async throws {
    let name = NSTemporaryDirectory() + "hilum-power-\(UUID().uuidString.prefix(8))"
    folder = name
    self.image = image ?? name + ".img"
    mkdir(folder, 0o700)
    if image == nil {
      try await Self.run("truncate", "-s", "700M", self.image)
      try await Self.run("mkfs.ext4", "-q", "-F", self.image)
    }
    try await Self.run("mount", "-o", "loop", self.image, folder)
  }

  deinit {
    umount2(folder, Int32(MNT_DETACH))
    rmdir(folder)
    unlink(image)
  }

  func snapshot() async throws -> String {
    let copy = image + ".cut"
    try await Self.run("cp", "--sparse=always", image, copy)
    return copy
  }

  func remove() async throws { try await Self.run("umount", "-l", folder) }

  private static func run(_ words: String...) async throws {
    let log = NSTemporaryDirectory() + "hilum-power-\(UUID().uuidString.prefix(8)).log"
    defer { unlink(log) }
    let launch = try Launch(words, in: "/", output: "/dev/null", errors: log)
    guard await launch.ending(within: 60) == .exited(0) else { throw WayError("\(words): \(launch.errors)") }
  }
}
