import DICOM
import Text

/// What a server says that it did with what it was sent: the Store Instances Response (PS3.18 annex I.2), as JSON.
///
/// Read for what counts, and not as a whole data set: what else a server writes into it, and how, is nothing to us.
struct STOWStored {
  struct Entry {
    /// `nil` where the server names none.
    let sopInstance: String?
    /// Why it failed, or what there is to warn of.
    let status: DIMSEStatus?
  }

  let stored: [Entry]
  let failed: [Entry]

  /// `nil` where the bytes are no such answer.
  init?(_ bytes: [UInt8]) {
    guard let root = try? JSONDocument(bytes).root else { return nil }
    // Some servers put it into a list, as other answers of DICOMweb are.
    let answer = root.kind == .list && root.count == 1 ? root.elements.first { _ in true } : root
    guard let answer, answer.kind == .object else { return nil }
    stored = Self.entries(answer["00081199"], status: "00081196")
    failed = Self.entries(answer["00081198"], status: "00081197")
  }

  private static func entries(_ sequence: JSONNode?, status: String) -> [Entry] {
    (sequence?["Value"]?.elements.map { $0 } ?? []).map { item in
      func first(_ key: String) -> JSONNode? { item[key]?["Value"]?.elements.first { _ in true } }
      let code = first(status).flatMap { ($0.number ?? $0.text).flatMap { UInt16($0) } }
      return Entry(
        sopInstance: first("00081155")?.text.map { String($0.prefix { $0 != "\0" && $0 != " " }) },
        status: code.map { DIMSEStatus($0) })
    }
  }
}
