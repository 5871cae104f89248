import ConnectorKit
import Definitions
import Store
import Synchronization

// What a channel does while its store sends nothing (`OutgoingHold`). A sender that connects has chosen this engine,
// and is answered: what it brings waits. A file in a folder has not: it may be meant for the engine that this store is
// a copy of, so nothing is fetched before all lanes of the channel are released.

extension ChannelRuntime {
  var sourceAwaitsRelease: Bool {
    guard definition.source.fetches, let hold = store.outgoingHold else { return false }
    return lanes.isEmpty || lanes.contains { hold.holds($0.key) }
  }

  /// Why the source isn't there, where nothing went wrong.
  var waitsFor: String { sourceAwaitsRelease ? "it fetches nothing before hilum release" : "starting" }

  /// Starts the source where it only waited for the release.
  func sourceWasReleased() async {
    guard definition.source.fetches, !sourceAwaitsRelease, work == .running else { return }
    guard state.withLock({ $0.running == nil }) else { return }
    startSource()
    await cameUp()
  }
}
