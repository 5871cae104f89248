import DequeModule
import Messages
package import Store

// What keeps its place until a person decides. It is like something whose next try never comes: in a strict lane
// everything behind it waits, in one by key what shares a key with it, in one without order nothing.

extension LaneMachine {
  /// A lane that has so many held deliveries in memory reads no further, whatever its order.
  static let standingMax = 65_536

  /// The first that is held in memory, which is what an operator has to look at, and how many there are.
  package var heldFirst: (delivery: WaitingDelivery, count: Int)? {
    if standing == 0 { return nil }
    return entries.first(where: \.isHeld).map { ($0.delivery, standing) }
  }

  /// The delivery keeps its place, in memory without its payload: when it is released it is read again.
  mutating func hold(_ index: Int, _ reason: String, reply: Payload?, _ now: Moment) {
    finish(entries[index].delivery, .held(reason: reason, reply: reply), now)
    heldBytes -= entries[index].delivery.bytesInMemory
    entries[index].delivery.payload = Payload(entries[index].delivery.payload.format, [])
    entries[index].delivery.held = WaitingDelivery.Held(.delivery, reason)
    entries[index].due = .max
    standing += 1
    rest(index)
  }

  /// That it is held is durable: from now on the store says whether it still is.
  mutating func knowHeld(_ attempt: Attempt) {
    guard let index = entries.firstIndex(where: { $0.delivery.id == attempt.delivery && $0.isHeld }) else { return }
    entries[index].isHeldInStore = true
  }

  /// A person released it while it was kept here.
  func isLetGo(_ entry: Entry, as row: WaitingDelivery) -> Bool {
    entry.isHeld && entry.isHeldInStore && row.held == nil
  }

  /// The store was changed under an entry that was kept, and shows it still.
  mutating func settle(_ entry: inout Entry, as row: WaitingDelivery) {
    guard isLetGo(entry, as: row) else { return }
    // With a fresh budget.
    heldBytes += row.bytesInMemory
    standing -= 1
    entry.delivery = row
    entry.refusals = 0
    entry.losses = 0
    entry.due = 0
    order?.wake(only: row.sequence)
  }
}
