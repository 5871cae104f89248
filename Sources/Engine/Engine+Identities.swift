import Logging
package import Store

// The way back from a pseudonym or a UID to whom it stands for.

extension Engine {
  /// The log says that somebody asked, and why; neither the stand-in nor whom it stands for.
  package func identities(of standIns: [String], why: String) async throws -> [KnownStandIn] {
    guard why.contains(where: { !$0.isWhitespace }) else {
      throw OperationError("whom a stand-in stands for is told to who says why")
    }
    var found: [KnownStandIn] = []
    for one in standIns { found += try await store.standsFor(one) }
    log.notice(
      "It was asked whom stand-ins stand for.",
      metadata: ["why": "\(why)", "asked": "\(standIns.count)", "found": "\(found.count)"])
    return found
  }
}
