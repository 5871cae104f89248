import DICOM

/// An object of DICOM as a case keeps it: one line an element, which a person reads and a comparison shows.
package enum ObjectTree {
  /// - Returns: lines, or one that says why there are none.
  package static func of(_ bytes: [UInt8]) -> [UInt8] {
    let lines: [String]
    do throws(DICOMError) {
      lines = DICOMDump(valueCharactersMax: 1024).lines(of: try DICOMObject(bytes))
    } catch {
      lines = ["no DICOM that can be read: \(error)"]
    }
    return Array(lines.map { $0 + "\n" }.joined().utf8)
  }
}
