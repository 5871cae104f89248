import DICOM
import Foundation
import Testing

/// DICOM objects that are made for a test.
enum Images {
  static let ct = "1.2.840.10008.5.1.4.1.1.2"

  /// A UID for a number: the same for the same.
  static func uid(_ number: Int) -> String { "1.2.826.0.1.3680043.8.498.\(number)" }

  /// The data set of an image whose pixels are told by its number.
  static func dataSet(
    _ number: Int, pixelBytes: Int = 1000, modality: String = "CT", syntax: DICOMTransferSyntax = .explicitLittle,
    isNamed: Bool = true, with more: [(keyword: String, text: String)] = []
  ) throws -> [UInt8] {
    var draft = DICOMDraft(new: syntax)
    func set(_ keyword: String, _ value: DICOMValue) throws {
      let tag = try #require(DICOMDictionary.attribute(keyword: keyword)?.tag)
      try draft.set(DICOMPath(tag), value)
    }
    try set("SOPClassUID", .text(ct))
    if isNamed { try set("SOPInstanceUID", .text(uid(number))) }
    try set("Modality", .text(modality))
    try set("PatientName", .text("Doe^Jane"))
    try set("PatientID", .text("P\(number)"))
    try set("StudyInstanceUID", .text(uid(1_000_000)))
    for (keyword, text) in more { try set(keyword, .text(text)) }
    var seed = UInt64(number) &+ 1
    var pixels = [UInt8](repeating: 0, count: pixelBytes & ~1)
    for index in pixels.indices {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      pixels[index] = UInt8(truncatingIfNeeded: seed >> 40)
    }
    try set("PixelData", .bytes(pixels))
    return try draft.bytes()
  }

  /// Writes an object as a file of PS3.10.
  static func write(
    _ dataSet: [UInt8], _ number: Int, syntax: DICOMTransferSyntax = .explicitLittle, to path: String
  ) throws {
    let head = try DICOMFile.head(sopClass: ct, sopInstance: uid(number), syntax: syntax)
    try Data(head + dataSet).write(to: URL(fileURLWithPath: path))
  }
}
