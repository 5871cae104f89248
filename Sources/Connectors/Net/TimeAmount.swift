import ConnectorKit
import NIOCore

extension TimeAmount {
  /// A setting's duration; what is longer than ten years is cut to that, so that it can be added to any deadline.
  init(_ duration: Duration) {
    self = .milliseconds(min(duration.milliseconds, 10 * 365 * 86_400_000))
  }
}
