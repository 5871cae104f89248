// swift-tools-version: 6.2
import PackageDescription

// Every room is a target; a lower room never imports a higher one. The table of who may import whom stands in
// docs/ARCHITECTURE.md and is held by Tests/HouseTests.

let strict: [SwiftSetting] = [
  // SE-0335: `any` is written where an existential is meant.
  .enableUpcomingFeature("ExistentialAny"),
  // SE-0444: a member is visible only through an import in the same file.
  .enableUpcomingFeature("MemberImportVisibility"),
  // SE-0409: an import is an implementation detail unless it says otherwise.
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A product of the packages named below.
func product(_ name: String, _ package: String) -> Target.Dependency { .product(name: name, package: package) }

/// A test target. Its name says what it tries; `data` are folders that it reads and that aren't compiled.
func tests(_ name: String, _ dependencies: Target.Dependency..., data: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: data, swiftSettings: strict)
}

let package = Package(
  name: "hilum",
  products: [
    .executable(name: "hilum", targets: ["hilum"]),
    .library(name: "ConnectorKit", targets: ["Messages", "ConnectorKit"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.6.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CLibXML2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    // The pages of docs/errors, embedded: an installed binary has no docs beside it.
    .target(name: "CErrorPages", exclude: ["pages.md"]),

    // The tables of HL7 v2, embedded.
    .target(name: "CHL7Tables", exclude: ["hl7.tables"]),

    // The element tables of FHIR R4, embedded.
    .target(name: "CFHIRTables", exclude: ["r4.tables"]),

    // The data dictionary of DICOM, embedded.
    .target(name: "CDICOMTables", exclude: ["dicom.tables"]),

    // The maps of the HL7 v2-to-FHIR guide, embedded.
    .target(name: "CV2ToFHIRTables", exclude: ["guide.tables"]),

    // libxml2 behind a header of our own, which includes none of its.
    .target(name: "CXMLReader", dependencies: ["CLibXML2"]),

    .target(name: "Messages", swiftSettings: strict),
    .target(name: "Text", dependencies: ["Messages", "CXMLReader"], swiftSettings: strict),
    .target(name: "HL7", dependencies: ["Messages", "Text", "CHL7Tables"], swiftSettings: strict),
    .target(name: "FHIR", dependencies: ["Messages", "Text", "CFHIRTables"], swiftSettings: strict),
    .target(name: "DICOM", dependencies: ["Messages", "Text", "CDICOMTables", "CZlib"], swiftSettings: strict),
    .target(
      name: "DICOMTransport",
      dependencies: ["DICOM", product("NIOCore", "swift-nio")],
      swiftSettings: strict),
    .target(
      name: "Hilt",
      dependencies: ["Messages", "Text", "HL7", "FHIR", "DICOM", product("Crypto", "swift-crypto")],
      swiftSettings: strict),
    .target(name: "ConnectorKit", dependencies: ["Messages", product("Logging", "swift-log")], swiftSettings: strict),
    .target(
      name: "Connectors",
      dependencies: [
        "Messages", "Text", "HL7", "DICOM", "DICOMTransport", "ConnectorKit",
        product("NIOCore", "swift-nio"), product("NIOPosix", "swift-nio"), product("NIOTLS", "swift-nio"),
        product("NIOSSL", "swift-nio-ssl"), product("Logging", "swift-log"),
        product("AsyncHTTPClient", "async-http-client"), product("NIOHTTP1", "swift-nio"),
      ],
      swiftSettings: strict),
    .target(
      name: "Definitions",
      dependencies: [
        "Messages", "Text", "HL7", "Hilt", "ConnectorKit", "CErrorPages", product("Yams", "Yams"),
        product("Crypto", "swift-crypto"),
      ],
      swiftSettings: strict),
    .target(
      name: "Store",
      dependencies: ["Messages", "CSQLite", "COpenSSL", product("Crypto", "swift-crypto")],
      swiftSettings: strict),
    .target(
      name: "Engine",
      dependencies: [
        "Messages", "Text", "HL7", "DICOM", "Hilt", "ConnectorKit", "Definitions", "Store",
        product("Logging", "swift-log"), product("DequeModule", "swift-collections"),
      ],
      swiftSettings: strict),
    .target(
      name: "Authoring",
      dependencies: [
        "Messages", "Text", "HL7", "FHIR", "DICOM", "CV2ToFHIRTables", "Hilt", "ConnectorKit", "Definitions", "Store",
        "Engine",
      ],
      swiftSettings: strict),
    .target(
      name: "LanguageServer",
      dependencies: ["Messages", "Text", "HL7", "Hilt", "Definitions", "Authoring"],
      swiftSettings: strict),
    .target(
      name: "Admin",
      dependencies: [
        "Messages", "HL7", "DICOM", "Definitions", "Store", "Engine", product("Hummingbird", "hummingbird"),
        product("HTTPTypes", "swift-http-types"),
        product("NIOCore", "swift-nio"), product("NIOPosix", "swift-nio"), product("Logging", "swift-log"),
      ],
      swiftSettings: strict),
    .target(
      name: "Partners",
      dependencies: [
        "Messages", "HL7", "DICOM", "DICOMTransport", "CSQLite", product("NIOCore", "swift-nio"),
        product("NIOPosix", "swift-nio"), product("NIOSSL", "swift-nio-ssl"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "hilum",
      dependencies: [
        "Messages", "Text", "HL7", "FHIR", "DICOM", "Hilt", "ConnectorKit", "Connectors", "Definitions", "Store",
        "Engine", "Admin", "Authoring", "LanguageServer", "Partners",
        product("ArgumentParser", "swift-argument-parser"), product("AsyncHTTPClient", "async-http-client"),
        product("Crypto", "swift-crypto"), product("Logging", "swift-log"), product("NIOCore", "swift-nio"),
        product("NIOHTTP1", "swift-nio"),
      ],
      swiftSettings: strict),

    tests("MessagesTests", "Messages"),
    tests("TextTests", "Text"),
    tests("HL7Tests", "HL7", "Text", "Messages"),
    tests("FHIRTests", "FHIR", "Text", "Messages"),
    tests("DICOMTests", "DICOM", "Text", "Messages", data: ["Peers"]),
    tests(
      "DICOMTransportTests", "DICOMTransport", "DICOM", product("NIOCore", "swift-nio"),
      product("NIOPosix", "swift-nio"), product("NIOEmbedded", "swift-nio")),
    tests("HiltTests", "Hilt", "Definitions", "DICOM", "FHIR", "HL7", "Text", "Messages", data: ["Conformance"]),
    tests("ConnectorKitTests", "ConnectorKit", "Messages"),
    tests(
      "ConnectorsTests", "Connectors", "ConnectorKit", "DICOM", "DICOMTransport", "HL7", "Messages",
      product("Logging", "swift-log"),
      product("NIOCore", "swift-nio"), product("NIOPosix", "swift-nio"), product("NIOEmbedded", "swift-nio"),
      product("NIOHTTP1", "swift-nio"), product("NIOSSL", "swift-nio-ssl")),
    tests(
      "DefinitionsTests", "Definitions", "ConnectorKit", "Connectors", "Hilt", "Messages", "Text",
      data: ["Diagnostics", "Schedules"]),
    // A program that writes to a store until it is killed: what StoreTests open again.
    .executableTarget(
      name: "store-crash", dependencies: ["Store", "Messages"], path: "Tests/Support/store-crash", swiftSettings: strict
    ),
    tests("StoreTests", "Store", "store-crash", "Messages", "CSQLite", product("Crypto", "swift-crypto")),
    tests(
      "EngineTests", "Engine", "Definitions", "Store", "ConnectorKit", "Messages", "Text",
      product("DequeModule", "swift-collections"), product("Logging", "swift-log")),
    tests(
      "PartnersTests", "Partners", "HL7", "DICOM", "DICOMTransport", "CSQLite", product("NIOCore", "swift-nio"),
      product("NIOPosix", "swift-nio")),
    tests("AuthoringTests", "Authoring", "Definitions", "DICOM", "FHIR", "Connectors", "Hilt", "HL7", "Messages"),
    tests(
      "LanguageServerTests", "LanguageServer", "Definitions", "Connectors", "Hilt", "Messages", "Text"),
    tests("HouseTests", "Definitions", "Connectors", "Hilt"),
    // Whole ways through the built program: `hilum` is built first.
    tests(
      "WayTests", "hilum", "Admin", "ConnectorKit", "Engine", "Store", "Partners", "DICOM", "HL7", "Messages",
      data: ["Peers"]),
  ]
)
