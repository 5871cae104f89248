import Engine
import HTTPTypes
import Hummingbird
import NIOCore
import Store

extension ControlAPI {
  /// Backups, the release of a store that comes from one, and where its numbers go on.
  func copies(_ router: Router<BasicRequestContext>) {
    router.post("backup") { _, _ in
      let backup = try await engine.backUp(version: version)
      guard let header = HTTPField.Name(BackupBytes.header) else { throw HTTPError(.internalServerError) }
      // In chunks: one that can't be finished ends early, and says why.
      let body = ResponseBody { writer in
        do {
          while let bytes = try await backup.next() { try await writer.write(ByteBuffer(bytes: bytes)) }
        } catch {
          await backup.end()
          throw error
        }
        // Who has all of it can have another one made.
        await backup.end()
        try await writer.finish(nil)
      }
      return Response(
        status: .ok, headers: [.contentType: "application/x-tar", header: String(backup.byteCount)], body: body)
    }
    router.get("release") { _, _ in try json(try await engine.releaseOverview()) }
    router.post("release") { request, _ in
      let wanted = try await body(ReleaseRequest.self, request)
      return try json(try await engine.releaseOutgoing(wanted.names))
    }
    router.post("identities/search") { request, _ in
      let wanted = try await body(IdentitiesRequest.self, request)
      return try json(try await engine.identities(of: wanted.standIns, why: wanted.why))
    }
    router.get("sequences") { _, _ in try json(try await engine.sequences()) }
    router.post("sequences") { request, _ in
      let wanted = try await body(NumberSequence.self, request)
      return try json(try await engine.setSequence(wanted.name, of: wanted.channel, to: wanted.last))
    }
  }
}

/// How long a backup's bytes will be, said before they come.
package enum BackupBytes {
  package static let header = "Hilum-Backup-Bytes"
}

package struct IdentitiesRequest: Codable, Sendable {
  package var standIns: [String]
  /// In the log, for who asks later.
  package var why: String

  package init(standIns: [String], why: String) {
    self.standIns = standIns
    self.why = why
  }
}

package struct ReleaseRequest: Codable, Sendable {
  /// `CHANNEL` or `CHANNEL/LANE`; none for all.
  package var names: [String]
  package init(names: [String]) { self.names = names }
}
