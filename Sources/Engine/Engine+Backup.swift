import Logging
package import Store

extension Engine {
  /// A backup of the store while everything goes on: what was acknowledged before the call is in it. One at a time; who
  /// has taken its bytes, or doesn't want them any more, ends it.
  ///
  /// - Parameter version: of the program, for people.
  package func backUp(version: String) async throws(StoreError) -> Backup {
    let began = shared.clock.now()
    let backup: Backup
    do {
      backup = try await store.backUp(site: site, version: version, environment: environment ?? "")
    } catch {
      log.error("A backup could not be made.", metadata: ["reason": "\(error)"])
      throw error
    }
    log.notice(
      "A backup is ready to be taken.",
      metadata: [
        "MiB": "\(backup.byteCount >> 20)", "ms": "\(shared.clock.now().steady - began.steady)",
        "waiting": "\(backup.manifest.waiting)",
      ])
    for warning in backup.manifest.warnings {
      log.warning("The store is not whole, and neither is its backup.", metadata: ["reason": "\(warning)"])
    }
    return backup
  }
}
