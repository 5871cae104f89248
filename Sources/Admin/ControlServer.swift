package import Engine
import Glibc
import Hummingbird
package import Logging
import NIOCore

/// Serves the control API on a socket in the data folder, which only the engine's own user (and root) can open.
package struct ControlServer: Sendable {
  /// The socket's name within the data folder.
  package static let socketName = "control"

  private let api: ControlAPI
  private let folder: String
  private let log: Logger

  package init(_ engine: Engine, folder: String, time: LocalTime, version: String, log: Logger) {
    api = ControlAPI(engine, time: time, version: version)
    self.folder = folder
    self.log = log
  }

  /// Serves until its task is cancelled.
  ///
  /// - Parameter listens: called when commands can reach it.
  package func run(_ listens: @escaping @Sendable () -> Void) async throws {
    // A socket's path holds 107 bytes: it is bound through the folder's descriptor, however long the folder's path is.
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw OperationError("the data folder \(folder) can't be opened: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    unlinkat(descriptor, Self.socketName, 0)
    // The folder is open to its owner alone; the mask closes the moment before chmod too.
    umask(0o077)
    let application = Application(
      router: api.router(),
      configuration: ApplicationConfiguration(
        address: .unixDomainSocket(path: Self.path(descriptor)), serverName: nil),
      onServerRunning: { _ in
        _ = fchmodat(descriptor, Self.socketName, 0o600, 0)
        listens()
      },
      logger: log)
    try await application.run()
  }

  /// How a process that has the data folder open reaches the socket.
  package static func path(_ descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)/\(socketName)" }
}
