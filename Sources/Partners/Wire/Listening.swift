internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Binding a port that was listened on before.
enum Listening {
  private static let triesMax = 100
  private static let pause = Duration.milliseconds(20)

  /// Binds; where the port is still in use, again for two seconds. A process that is being started holds a copy of
  /// every socket until it has become another program, so a listener that was closed may live on for a moment.
  static func bind(_ bootstrap: ServerBootstrap, host: String, port: Int) async throws -> any Channel {
    var tries = 1
    while true {
      do {
        return try await bootstrap.bind(host: host, port: port).get()
      } catch let error as IOError where error.errnoCode == EADDRINUSE {
        guard port != 0, tries < triesMax else { throw PortTaken(port: port) }
        tries += 1
        try await Task.sleep(for: pause)
      }
    }
  }
}

/// Somebody else listens there.
struct PortTaken: Error, CustomStringConvertible {
  let port: Int
  var description: String {
    "Port \(port) is taken by another program. Stop that one, or choose another port; `ss -ltnp` shows who it is."
  }
}
