import FoundationEssentials

/// What a backup says of itself: its first member, as JSON.
package struct BackupManifest: Sendable, Codable, Equatable {
  /// The layout of the archive.
  package var format = Self.known
  package static let known = 1
  /// When it was made: milliseconds since 1970. What was committed by then is in it, and nothing else.
  package var madeAt: Int64
  /// The installation, and the version of the engine, that it is of.
  package var site: String
  package var version: String
  /// Of the store.
  package var schema: Int
  /// Names the master key that what is stored is sealed with, without telling it; `nil` where nothing is sealed. The
  /// key itself is never in a backup.
  package var masterKey: String?
  /// In which environment its channels were: empty where in none, `nil` where an older engine made it.
  package var environment: String?
  package var databaseBytes: Int64
  package var blobs: Int
  package var blobBytes: Int64
  /// Deliveries that waited, held ones and places of failed messages counted.
  package var waiting: Int
  /// What was found when it was made and doesn't keep it from being made: payloads that don't fit their hash.
  package var warnings: [String]

  var json: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return (try? encoder.encode(self)).map { Array($0) + [0x0A] } ?? []
  }

  init(
    madeAt: Int64, site: String, version: String, schema: Int, masterKey: String?, databaseBytes: Int64, blobs: Int,
    blobBytes: Int64, waiting: Int, warnings: [String]
  ) {
    self.madeAt = madeAt
    self.site = site
    self.version = version
    self.schema = schema
    self.masterKey = masterKey
    self.databaseBytes = databaseBytes
    self.blobs = blobs
    self.blobBytes = blobBytes
    self.waiting = waiting
    self.warnings = warnings
  }

  /// Of one that this engine can't restore it says why.
  ///
  /// - Parameter path: for people.
  init(_ json: [UInt8], of path: String) throws(StoreError) {
    guard let manifest = try? JSONDecoder().decode(Self.self, from: Data(json)) else {
      throw StoreError(.damaged, "\(path) is not a backup of Hilum, or one of an engine that this one doesn't know")
    }
    self = manifest
    guard format == Self.known else {
      throw StoreError(
        .refused, "\(path) was written by Hilum \(version) in format \(format); this engine reads \(Self.known)")
    }
    guard schema <= Schema.version else {
      throw StoreError(
        .refused,
        "\(path) has a store of schema \(schema), made by Hilum \(version); this engine knows schemas up to "
          + "\(Schema.version). Restore it with the engine that made it, or a newer one.")
    }
  }
}
