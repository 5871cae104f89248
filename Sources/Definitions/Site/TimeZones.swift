import Foundation

/// The time zone database of this machine.
enum TimeZones {
  static func contains(_ name: String) -> Bool { TimeZone(identifier: name) != nil }
}
