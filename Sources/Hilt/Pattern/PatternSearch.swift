/// One search through a text: all ways of the pattern are walked at once, one character after the other (Pike's
/// machine). Of the ways that fit, the one that begins first is taken, and of those the one that the pattern prefers.
struct PatternSearch {
  /// The ways that stand before one character, the preferred first.
  private struct Threads {
    var instructions: [Int32] = []
    /// Where an instruction stands in `instructions`, if it does.
    var places: [Int32]
    /// The slots of each thread, one behind the other.
    var slots: [Int32]

    init(_ pattern: Pattern, slotCount: Int) {
      instructions.reserveCapacity(pattern.instructions.count)
      places = [Int32](repeating: 0, count: pattern.instructions.count)
      slots = [Int32](repeating: -1, count: pattern.instructions.count * slotCount)
    }

    /// Whether the instruction is new here.
    @inline(__always)
    mutating func insert(_ instruction: Int) -> Bool {
      let place = Int(places[instruction])
      if place < instructions.count, Int(instructions[place]) == instruction { return false }
      places[instruction] = Int32(truncatingIfNeeded: instructions.count)
      instructions.append(Int32(truncatingIfNeeded: instruction))
      return true
    }
  }

  private enum Frame {
    case explore(Int)
    case restore(slot: Int, Int32)
  }

  private let pattern: Pattern
  /// 0: only whether there is a match is asked.
  private let slotCount: Int
  private var current: Threads
  private var next: Threads
  private var stack: [Frame] = []
  private var scratch: [Int32]
  /// Where the match and its parts begin and end, as byte offsets; -1 for what took no part.
  private(set) var found: [Int32]
  /// What the searches so far have cost: threads looked at.
  private(set) var work = 0

  init(_ pattern: Pattern, wantsParts: Bool) {
    self.pattern = pattern
    slotCount = wantsParts ? pattern.slotCount : 0
    current = Threads(pattern, slotCount: slotCount)
    next = current
    scratch = [Int32](repeating: -1, count: slotCount)
    found = scratch
  }

  /// Looks for the first match at or behind an offset, which is a character's beginning. `nil`: it would cost more than
  /// `workMax` in all.
  mutating func find(in text: UnsafeBufferPointer<UInt8>, from start: Int, workMax: Int) -> Bool? {
    current.instructions.removeAll(keepingCapacity: true)
    var matched = false
    var offset = start
    while work <= workMax {
      if current.instructions.isEmpty {
        if matched || pattern.isAnchored && offset > 0 { return matched }
        offset = skip(text, offset)
      }
      if !matched, !pattern.isAnchored || offset == 0 {
        for slot in scratch.indices { scratch[slot] = -1 }
        follow(0, offset, text, isNext: false)
      }
      let (scalar, length) = Self.scalar(text, offset)
      next.instructions.removeAll(keepingCapacity: true)
      work += 1 + current.instructions.count
      threads: for index in current.instructions.indices {
        let instruction = Int(current.instructions[index])
        switch pattern.instructions[instruction] {
        case .scalar(let wanted) where wanted == scalar: advance(instruction, offset + length, text)
        case .set(let set) where length > 0 && pattern.sets[set].contains(scalar):
          advance(instruction, offset + length, text)
        case .match:
          matched = true
          if slotCount == 0 { return true }
          for slot in 0..<slotCount { found[slot] = current.slots[instruction * slotCount + slot] }
          // What stands behind is preferred less.
          break threads
        default: break
        }
      }
      swap(&current, &next)
      if length == 0 { return matched }
      offset += length
    }
    return nil
  }

  @inline(__always)
  private mutating func advance(_ instruction: Int, _ offset: Int, _ text: UnsafeBufferPointer<UInt8>) {
    for slot in 0..<slotCount { scratch[slot] = current.slots[instruction * slotCount + slot] }
    follow(instruction + 1, offset, text, isNext: true)
  }

  /// Passes bytes with which no match can begin.
  private mutating func skip(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Int {
    guard let bytes = pattern.firstBytes, !pattern.isAnchored else { return start }
    var offset = start
    while offset < text.count, !bytes[Int(text[offset])] { offset += 1 }
    work += (offset - start) >> 2
    return offset
  }

  /// Enters all instructions that are reached without taking a character, the preferred first.
  private mutating func follow(_ start: Int, _ offset: Int, _ text: UnsafeBufferPointer<UInt8>, isNext: Bool) {
    stack.append(.explore(start))
    while let frame = stack.popLast() {
      guard case .explore(var instruction) = frame else {
        if case .restore(let slot, let value) = frame { scratch[slot] = value }
        continue
      }
      while isNext ? next.insert(instruction) : current.insert(instruction) {
        work += 1
        switch pattern.instructions[instruction] {
        case .jump(let target): instruction = target
        case .split(let first, let second):
          stack.append(.explore(second))
          instruction = first
        case .save(let slot):
          if slot < slotCount {
            stack.append(.restore(slot: slot, scratch[slot]))
            scratch[slot] = Int32(truncatingIfNeeded: offset)
          }
          instruction += 1
        case .assert(let assertion):
          // One that doesn't hold ends the way: it is entered already, and so ends the loop.
          if Self.holds(assertion, text, offset) { instruction += 1 }
        case .scalar, .set, .match:
          for slot in 0..<slotCount {
            if isNext {
              next.slots[instruction * slotCount + slot] = scratch[slot]
            } else {
              current.slots[instruction * slotCount + slot] = scratch[slot]
            }
          }
        }
      }
    }
  }

  private static func holds(_ assertion: PatternAssertion, _ text: UnsafeBufferPointer<UInt8>, _ offset: Int) -> Bool {
    switch assertion {
    case .textStart: return offset == 0
    case .textEnd: return offset == text.count
    case .wordEdge, .noWordEdge:
      let before = offset > 0 && Lexer.isWord(text[offset - 1])
      let behind = offset < text.count && Lexer.isWord(text[offset])
      return (before != behind) == (assertion == .wordEdge)
    }
  }

  /// The character at an offset of valid UTF-8, and its bytes; none at the end.
  @inline(__always)
  private static func scalar(_ text: UnsafeBufferPointer<UInt8>, _ offset: Int) -> (value: UInt32, length: Int) {
    guard offset < text.count else { return (.max, 0) }
    let first = UInt32(text[offset])
    if first < 0x80 { return (first, 1) }
    let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    guard offset + length <= text.count else { return (0xFFFD, text.count - offset) }
    var value = first & (0x7F >> UInt32(length))
    for index in 1..<length { value = value << 6 | UInt32(text[offset + index] & 0x3F) }
    return (value, length)
  }
}
