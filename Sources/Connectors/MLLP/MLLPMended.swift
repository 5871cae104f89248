import HL7
import Synchronization

/// What a message says of itself once the channel has mended it; `nil` before.
final class MLLPMended: Sendable {
  private let content = Mutex<HL7Header?>(nil)

  var header: HL7Header? {
    get { content.withLock { $0 } }
    set { content.withLock { $0 = newValue } }
  }
}
