import Foundation
import Testing

/// The walls between the rooms: what each may import. A lower room never imports a higher one.
///
/// The compiler holds what a target declares; this holds what a target may declare, and libraries of the system as
/// well.
@Suite struct WallTests {
  struct Room {
    /// Rooms of this package.
    var rooms: Set<String> = []
    /// Modules of other packages.
    var packages: Set<String> = []
    /// The system's.
    var system: Set<String> = []
  }

  static let libc: Set<String> = ["Glibc", "Musl", "Darwin"]
  static let nio: Set<String> = ["NIOCore", "NIOPosix", "NIOSSL", "NIOTLS"]

  static let rooms: [String: Room] = [
    "Messages": Room(),
    "Text": Room(rooms: ["Messages", "CXMLReader"], system: libc),
    "HL7": Room(rooms: ["Messages", "Text", "CHL7Tables"], system: libc.union(["Synchronization"])),
    "FHIR": Room(rooms: ["Messages", "Text", "CFHIRTables"], system: ["Synchronization"]),
    "DICOM": Room(rooms: ["Messages", "Text", "CDICOMTables", "CZlib"]),
    "DICOMTransport": Room(rooms: ["DICOM"], packages: ["NIOCore"]),
    "Hilt": Room(rooms: ["Messages", "Text", "HL7", "FHIR", "DICOM"], packages: ["Crypto"]),
    "ConnectorKit": Room(rooms: ["Messages"], packages: ["Logging"], system: ["Synchronization"]),
    "Connectors": Room(
      rooms: ["Messages", "Text", "HL7", "DICOM", "DICOMTransport", "ConnectorKit"],
      packages: nio.union(["Logging", "AsyncHTTPClient", "NIOHTTP1"]),
      system: libc.union(["Synchronization", "Dispatch"])),
    "Definitions": Room(
      rooms: ["Messages", "Text", "HL7", "Hilt", "ConnectorKit", "CErrorPages"], packages: ["Yams", "Crypto"],
      system: libc.union(["Synchronization", "Foundation"])),
    "Store": Room(
      rooms: ["Messages", "CSQLite", "COpenSSL"], packages: ["Crypto"],
      system: libc.union(["Synchronization", "FoundationEssentials"])),
    "Engine": Room(
      rooms: ["Messages", "Text", "HL7", "DICOM", "Hilt", "ConnectorKit", "Definitions", "Store"],
      packages: ["Logging", "DequeModule"],
      system: libc.union(["Synchronization", "Dispatch", "FoundationEssentials"])),
    "Authoring": Room(
      rooms: [
        "Messages", "Text", "HL7", "FHIR", "DICOM", "CV2ToFHIRTables", "Hilt", "ConnectorKit", "Definitions", "Store",
        "Engine",
      ],
      system: libc.union(["Foundation"])),
    "LanguageServer": Room(
      rooms: ["Messages", "Text", "HL7", "Hilt", "Definitions", "Authoring"],
      system: libc.union(["Synchronization", "Dispatch", "Foundation"])),
    "Admin": Room(
      rooms: ["Messages", "HL7", "DICOM", "Hilt", "Definitions", "Store", "Engine"],
      packages: ["Hummingbird", "HTTPTypes", "NIOCore", "NIOPosix", "Logging"],
      system: libc.union(["Foundation", "Dispatch"])),
    "Partners": Room(
      rooms: ["Messages", "HL7", "DICOM", "DICOMTransport", "CSQLite"], packages: nio,
      system: libc.union(["Synchronization", "Dispatch", "Foundation"])),
    "hilum": Room(
      rooms: [
        "Messages", "Text", "HL7", "FHIR", "DICOM", "Hilt", "ConnectorKit", "Connectors", "Definitions", "Store",
        "Engine", "Admin", "Authoring", "LanguageServer", "Partners",
      ],
      packages: ["ArgumentParser", "AsyncHTTPClient", "Logging", "NIOCore", "NIOPosix", "NIOHTTP1", "Crypto"],
      system: libc.union(["Synchronization", "Dispatch", "Foundation"])),
    // C: headers and tables only.
    "CSQLite": Room(),
    // What CXMLReader is built with; no Swift imports it, as its headers clash with Foundation's.
    "CLibXML2": Room(),
    "CXMLReader": Room(rooms: ["CLibXML2"]),
    "CDICOMTables": Room(),
    "CFHIRTables": Room(),
    "CZlib": Room(),
    "CV2ToFHIRTables": Room(),
    "COpenSSL": Room(),
    "CErrorPages": Room(),
    "CHL7Tables": Room(),
  ]

  /// What a line imports; `nil` where it imports nothing.
  static func module(_ line: Substring) -> String? {
    var words = line.split(separator: " ")[...]
    let access: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    while let first = words.first, first.hasPrefix("@") || access.contains(first) { words = words.dropFirst() }
    guard words.first == "import" else { return nil }
    let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]
    words = words.dropFirst()
    if let kind = words.first, kinds.contains(kind) { words = words.dropFirst() }
    return words.first.map { String($0.prefix { $0 != "." && $0 != ";" }) }
  }

  @Test func `a room imports only what its row allows`() throws {
    for (name, room) in Self.rooms {
      let allowed = room.rooms.union(room.packages).union(room.system)
      for file in try House.files(in: "Sources/\(name)", "swift") {
        for line in try House.lines(file) where line.contains("import ") {
          guard let module = Self.module(line) else { continue }
          #expect(allowed.contains(module), "\(file) imports \(module): room \(name) may not")
          #expect(!line.contains("@testable"), "\(file): @testable belongs to tests")
        }
      }
    }
  }

  @Test func `every folder of Sources has a row, and every row its folder`() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: House.root.appending(path: "Sources").path)
    #expect(folders.filter { !$0.hasPrefix(".") }.sorted() == Self.rooms.keys.sorted())
  }

  @Test func `no room imports, over others, itself`() {
    func reaches(_ room: String, _ seen: Set<String> = []) -> Set<String> {
      (Self.rooms[room]?.rooms ?? []).reduce(into: []) { all, next in
        if !seen.contains(next) { all.formUnion(reaches(next, seen.union([next])).union([next])) }
      }
    }
    for room in Self.rooms.keys { #expect(!reaches(room).contains(room), "\(room)") }
  }

  @Test func `what the manifest declares, the table allows, and what is imported is declared`() throws {
    let manifest = try House.text("Package.swift")
    for (name, room) in Self.rooms {
      let declared = Self.dependencies(of: name, manifest)
      for other in declared where Self.rooms[other] != nil {
        #expect(room.rooms.contains(other), "Package.swift lets \(name) import \(other)")
      }
      for file in try House.files(in: "Sources/\(name)", "swift") {
        for line in try House.lines(file) where line.contains("import ") {
          guard let module = Self.module(line), !room.system.contains(module) else { continue }
          #expect(declared.contains(module), "\(file) imports \(module), which Package.swift doesn't give \(name)")
        }
      }
    }
  }

  /// The words in quotes between a target's `dependencies:` and its settings: rooms and products, which are named as
  /// their modules are.
  private static func dependencies(of room: String, _ manifest: String) -> Set<String> {
    let forms = ["(name: \"\(room)\", dependencies: [", "(\n      name: \"\(room)\",\n      dependencies: ["]
    guard let start = forms.lazy.compactMap({ manifest.range(of: $0) }).first else { return [] }
    let rest = manifest[start.upperBound...]
    guard let end = rest.range(of: "swiftSettings|\n    [.]", options: .regularExpression) else { return [] }
    let words = rest[..<end.lowerBound].split(separator: "\"", omittingEmptySubsequences: false)
    return Set(words.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) })
  }
}
