import Connectors
import Definitions

extension ConnectorRegistry {
  /// The connectors that this program was built with.
  static let builtIn = ConnectorRegistry(
    sources: [MLLPSource.self, DICOMSource.self, FileSource.self, ChannelSource.self],
    destinations: [
      MLLPDestination.self, DICOMDestination.self, STOWDestination.self, FileDestination.self, ChannelDestination.self,
    ])
}
