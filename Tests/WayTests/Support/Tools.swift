import Foundation
import Glibc

/// Programs of this machine that some tests need. A test whose tool is missing is skipped by name.
enum Tools {
  static func has(_ name: String) -> Bool { path(name) != nil }

  static func path(_ name: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// strace is there, may trace and can inject errors.
  static let canInject: Bool = {
    guard let strace = path("strace") else { return false }
    return succeeds([strace, "-qq", "-o", "/dev/null", "-e", "inject=getppid:error=EIO", "/bin/true"])
  }()

  static let libfaketime: String? = {
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"]
      .first { FileManager.default.fileExists(atPath: $0) }
  }()

  static let isRoot = geteuid() == 0

  /// A small disk can be made: root, and mounts are allowed here.
  static let canMount: Bool = {
    guard isRoot else { return false }
    let folder = NSTemporaryDirectory() + "hilum-mount-\(getpid())"
    mkdir(folder, 0o700)
    defer { rmdir(folder) }
    guard mount("tmpfs", folder, "tmpfs", 0, "size=64k") == 0 else { return false }
    umount(folder)
    return true
  }()

  /// A Python that has the `hl7` package.
  static let python = python(with: "hl7.mllp")
  /// A Python that has the `prometheus_client` package.
  static let prometheus = python(with: "prometheus_client.parser")
  /// A Python that has the `jsonschema` and `PyYAML` packages.
  static let schemas = python(with: "jsonschema, yaml")
  static let resources = python(with: "fhir.resources.patient")
  /// A Python that has the client of `pygls`.
  static let editor = python(with: "pygls.lsp.client")

  /// A Python that has `pydicom` and `pynetdicom`.
  static let dicom = python(with: "pynetdicom, pydicom")
  /// DCMTK's programs, and files to send with them.
  static let hasDCMTK =
    dicom != nil && ["storescp", "storescu", "dcmsend", "echoscu"].allSatisfy { path($0) != nil }
  static let orthanc =
    path("Orthanc")
    ?? ["/usr/sbin/Orthanc"].first { FileManager.default.isExecutableFile(atPath: $0) }

  /// Its plugin for DICOMweb.
  static let orthancDICOMweb = ["/usr/share/orthanc/plugins", "/usr/local/share/orthanc/plugins"]
    .map { $0 + "/libOrthancDicomWeb.so" }.first { orthanc != nil && FileManager.default.fileExists(atPath: $0) }

  private static func python(with module: String) -> String? {
    let own = ProcessInfo.processInfo.environment["HILUM_PYTHON"]
    return [own, Project.root + "/.venv/bin/python", "/usr/bin/python3"].compactMap(\.self)
      .first { FileManager.default.isExecutableFile(atPath: $0) && succeeds([$0, "-c", "import \(module)"]) }
  }

  private static func succeeds(_ words: [String]) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: words[0])
    process.arguments = Array(words.dropFirst())
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}

/// A disk of a few megabytes in memory, for as long as it is held.
final class SmallDisk: Sendable {
  let folder: String

  init(megabytes: Int) throws {
    folder = NSTemporaryDirectory() + "hilum-disk-\(UUID().uuidString.prefix(8))"
    mkdir(folder, 0o700)
    guard mount("tmpfs", folder, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
      throw WayError("no small disk: \(String(cString: strerror(errno)))")
    }
  }

  deinit {
    umount2(folder, Int32(MNT_DETACH))
    rmdir(folder)
  }

  var freeBytes: Int {
    var facts = statvfs()
    return statvfs(folder, &facts) == 0 ? Int(facts.f_bavail) * Int(facts.f_frsize) : 0
  }

  /// Fills it up to the last byte, with a file that is given back.
  func fill() throws -> String {
    let path = folder + "/filling"
    let descriptor = open(path, O_WRONLY | O_CREAT, 0o600)
    defer { close(descriptor) }
    // The engine writes meanwhile: what was free a moment ago may be gone.
    let isMade = (1...5).contains { _ in
      descriptor >= 0 && posix_fallocate(descriptor, 0, off_t(max(1, freeBytes - 4 << 20))) == 0
    }
    guard isMade, lseek(descriptor, 0, SEEK_END) > 0
    else { throw WayError("the disk can't be filled") }
    let zeros = [UInt8](repeating: 0, count: 4096)
    while write(descriptor, zeros, zeros.count) > 0 {}
    return path
  }
}
