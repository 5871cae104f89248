import HL7
import Store
import Synchronization

/// The sequence number of a message (MSH-13), and whose it is.
struct SequenceNumber: Sendable, Hashable {
  /// MSH-3 and MSH-4: a number counts for each sender by itself.
  var sender: String
  var number: Int

  /// `nil` where MSH-13 holds no number.
  init?(_ message: HL7Message) {
    guard message.field(13, of: 0).leaf.presence == .valued else { return nil }
    let header = HL7Header(message)
    guard let number = header.sequenceNumber.flatMap({ Int($0) }) else { return nil }
    self.number = number
    sender = "\(header.sendingApplication ?? "")|\(header.sendingFacility ?? "")"
  }

  init(sender: String, _ number: Int) {
    self.sender = sender
    self.number = number
  }
}

/// How often senders left the order of their sequence numbers.
package struct SequenceStatus: Sendable, Codable, Equatable {
  package var gaps = 0
  package var repeats = 0
  package var resets = 0
  /// The newest of them, in our words.
  package var last: String?
}

/// Watches the sequence numbers of a channel's senders. The sequence number protocol itself (HL7 v2.9 chapter 2.10.1)
/// is not spoken: a message is taken whatever its number, because a message that is refused for one that was lost
/// before it would be a second that is missing. What is out of order is flagged on the message and counted.
///
/// Some senders put a constant there, or a number of their own: only who has counted up by one is held to it. What was
/// known is forgotten with the process, so the first number after a start says nothing.
final class SequenceWatch: Sendable {
  private struct Sender {
    var last: Int
    var counts = false
  }
  private struct State {
    var senders: [String: Sender] = [:]
    /// In the order in which they came.
    var known: [String] = []
    var status = SequenceStatus()
  }
  private let state = Mutex(State())
  static let sendersMax = 256

  /// What there was to flag; `nil` where there was nothing.
  var status: SequenceStatus? { state.withLock { $0.status.last == nil ? nil : $0.status } }

  /// Takes note of a message, in the order in which they come.
  ///
  /// - Returns: what is to be kept with it, where it is out of order.
  func note(_ next: SequenceNumber) -> Step? {
    state.withLock { state in
      guard var sender = state.senders[next.sender] else {
        if state.known.count >= Self.sendersMax { state.senders[state.known.removeFirst()] = nil }
        state.known.append(next.sender)
        state.senders[next.sender] = Sender(last: next.number)
        return nil
      }
      let last = sender.last
      sender.last = next.number
      let (expected, isOver) = last.addingReportingOverflow(1)
      if next.number == expected, !isOver { sender.counts = true }
      state.senders[next.sender] = sender
      guard sender.counts, next.number != expected || isOver else { return nil }
      let text: String
      if next.number <= 0 || next.number < last {
        state.status.resets += 1
        text = "sequence-reset: MSH-13 is \(next.number) after \(last)"
      } else if next.number == last {
        state.status.repeats += 1
        text = "sequence-repeat: MSH-13 is \(last) again"
      } else {
        state.status.gaps += 1
        text = "sequence-gap: MSH-13 is \(next.number) after \(last)"
      }
      state.status.last = text
      return Step(.flagged, text)
    }
  }

  /// A message was not stored, and comes again: its number says nothing then.
  func forget(_ next: SequenceNumber) {
    state.withLock { state in
      state.senders[next.sender] = nil
      state.known.removeAll { $0 == next.sender }
    }
  }
}
