/// One thing that happened in a trial: a client sent or was answered, a partner received or replied, or somebody broke
/// something on purpose.
package struct HistoryEvent: Sendable, Hashable {
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    /// A client is about to send a message. `value`: the hash of its bytes.
    case sent
    /// A client read the answer to a message. `value`: MSA-1.
    case answered
    /// A partner read a whole message. `value`: the hash of its bytes.
    case received
    /// A partner is about to answer a message. `value`: MSA-1, or `none` where it gives no answer that can be
    /// understood. One follows each reception, unless the partner was ended between the two.
    case replied
    /// The engine was killed, a connection was cut: from here on a repeat of what was in flight is allowed. `key` says
    /// what.
    case incident
  }

  /// Nanoseconds of ``MonotonicClock``.
  package var at: UInt64
  package var kind: Kind
  /// A client's or a partner's connection by its logical name, which outlives a reconnect: order is checked in each.
  package var lane: String
  /// The message's control id.
  package var key: String
  package var value: String

  package init(_ kind: Kind, lane: String, key: String, value: String = "", at: UInt64 = MonotonicClock.nanoseconds()) {
    self.at = at
    self.kind = kind
    self.lane = lane
    self.key = key
    self.value = value
  }
}

extension HistoryEvent {
  /// One line, ending with LF: time, kind, lane, key and value with tabs between them. Bytes that would break a line
  /// are written as `%XX`: a control id comes from outside.
  var line: String {
    "\(at)\t\(kind.rawValue)\t\(Self.escaped(lane))\t\(Self.escaped(key))\t\(Self.escaped(value))\n"
  }

  /// Reads a line without its LF; `nil` where it isn't one.
  init?(line: Substring) {
    let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
    guard parts.count == 5, let at = UInt64(parts[0]), let kind = Kind(rawValue: String(parts[1])),
      let lane = Self.unescaped(parts[2]), let key = Self.unescaped(parts[3]), let value = Self.unescaped(parts[4])
    else { return nil }
    self.init(kind, lane: lane, key: key, value: value, at: at)
  }

  private static let hexadecimal = Array("0123456789ABCDEF".utf8)

  private static func escaped(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x25 || $0 >= 0x7F }) else { return text }
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      if byte <= 0x20 || byte == 0x25 || byte >= 0x7F {
        bytes += [0x25, hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func unescaped(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == 0x25 else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
        return nil
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// FNV-1a of a message's bytes, in hexadecimal: enough to see that bytes were changed by mistake.
package enum ContentHash {
  package static func text(_ bytes: some Sequence<UInt8>) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return String(hash, radix: 16)
  }
}
