import Glibc
import Synchronization

/// Remembers what was being run when the engine died.
///
/// Before a message or a reply is run, its mark stands in a slot of a file that is mapped as shared memory; afterwards
/// the slot is cleared. Both are plain stores without a system call, and survive the death of the process (not that of
/// the machine, where nobody crashed the engine). What stands in a slot at the next opening gets a strike; a run that
/// ends takes its strikes away.
package final class StrikeBoard: Sendable {
  /// The place of one run in the board; `nil` inside where all places were taken and the run isn't guarded.
  package struct Slot: Sendable {
    fileprivate let index: Int?
    fileprivate let mark: UInt64
  }

  /// Runs at the same moment; one more isn't guarded.
  private static let slots = 512
  /// Marks with strikes that are remembered.
  private static let strikesMax = 256
  private static let words = 1 + slots + 2 * strikesMax
  private static let magic: UInt64 = 0x4849_4C55_4D53_5431
  private static let bytes = (words * 8 + 4_095) / 4_096 * 4_096

  /// `magic`, the slots, then pairs of mark and strikes.
  private let memory: SharedMemory
  private let known: Mutex<[UInt64: Int]>
  /// No mark has strikes: the usual state, asked without the lock.
  private let isClean: Atomic<Bool>
  private let next = Atomic<Int>(0)

  /// Opens the board of a data folder, made where there is none, and gives strikes to what stands on it.
  ///
  /// One engine has a board at a time: the store's lock sees to it.
  package static func open(_ path: String) throws(StoreError) -> StrikeBoard {
    StrikeBoard(try SharedMemory(path, bytes: bytes))
  }

  private init(_ memory: SharedMemory) {
    self.memory = memory
    var strikes: [UInt64: Int] = [:]
    if memory[0] == Self.magic {
      for index in 0..<Self.strikesMax {
        let mark = memory[1 + Self.slots + 2 * index]
        if mark != 0 { strikes[mark] = Int(clamping: memory[2 + Self.slots + 2 * index]) }
      }
      for index in 1...Self.slots where memory[index] != 0 { strikes[memory[index], default: 0] += 1 }
    }
    memory[0] = Self.magic
    known = Mutex([:])
    isClean = Atomic(strikes.isEmpty)
    // The strikes are written before the slots are cleared: a crash between gives one strike too many, never one too
    // few.
    known.withLock { known in
      known = strikes
      write(known)
    }
    for index in 1...Self.slots { memory[index] = 0 }
  }

  /// How often the engine died while this ran.
  package func strikes(for mark: UInt64) -> Int {
    if isClean.load(ordering: .acquiring) { return 0 }
    return known.withLock { $0[mark] ?? 0 }
  }

  /// Call right before a run. A mark of 0 isn't guarded.
  package func begin(_ mark: UInt64) -> Slot {
    guard mark != 0 else { return Slot(index: nil, mark: mark) }
    let start = next.add(1, ordering: .relaxed).newValue
    for step in 0..<Self.slots {
      let index = 1 + Int(UInt(bitPattern: start &+ step) % UInt(Self.slots))
      if memory.exchange(index, expected: 0, desired: mark) { return Slot(index: index, mark: mark) }
    }
    return Slot(index: nil, mark: mark)
  }

  /// Call when the run has ended, well or with an error: its strikes are forgotten.
  package func end(_ slot: Slot) {
    if let index = slot.index { memory[index] = 0 }
    if !isClean.load(ordering: .acquiring) { forget(slot.mark) }
  }

  /// Forgets the strikes of a mark, where a person says so.
  package func forget(_ mark: UInt64) {
    known.withLock { known in
      guard known.removeValue(forKey: mark) != nil else { return }
      write(known)
      isClean.store(known.isEmpty, ordering: .releasing)
    }
  }

  /// Keeps those with the most strikes where there are more than the file holds.
  private func write(_ strikes: [UInt64: Int]) {
    let kept = strikes.sorted { ($0.value, $0.key) > ($1.value, $1.key) }.prefix(Self.strikesMax)
    var index = 1 + Self.slots
    for (mark, count) in kept {
      memory[index] = mark
      memory[index + 1] = UInt64(count)
      index += 2
    }
    while index < Self.words {
      memory[index] = 0
      index += 1
    }
  }
}

/// A file mapped as shared memory, as 64-bit words.
final class SharedMemory: @unchecked Sendable {
  private let start: UnsafeMutableRawPointer
  private let bytes: Int

  init(_ path: String, bytes: Int) throws(StoreError) {
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Folder.failure("open", path) }
    defer { Glibc.close(descriptor) }
    // Blocks are taken now: a store into a hole on a full disk would kill the process.
    guard posix_fallocate(descriptor, 0, off_t(bytes)) == 0,
      let start = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), start != MAP_FAILED
    else { throw Folder.failure("map", path) }
    self.start = start
    self.bytes = bytes
  }

  deinit { munmap(start, bytes) }

  private func word(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    precondition(index >= 0 && index < bytes / 8)
    return (start + 8 * index).assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  subscript(index: Int) -> UInt64 {
    get { word(index).pointee.load(ordering: .acquiring) }
    set { word(index).pointee.store(newValue, ordering: .releasing) }
  }

  func exchange(_ index: Int, expected: UInt64, desired: UInt64) -> Bool {
    word(index).pointee.compareExchange(
      expected: expected, desired: desired, ordering: .acquiringAndReleasing
    ).exchanged
  }
}
