import Messages

/// A bundle while the program puts it together: its own elements, and entries in the order in which they came.
struct BundleDraft {
  struct Entry {
    /// `urn:uuid:…`
    var fullURL: String
    var resource: Datum
    /// What the receiver is asked to do; `nil` in a bundle that asks for nothing.
    var request: BundleRequest?
  }

  var head: Record
  var entries: [Entry] = []
  /// Where the entry of a `fullUrl` stands.
  var places: [String: Int] = [:]

  static let nothing = BundleDraft(head: Record(resource: nil, keys: [], values: []))
}

/// What the receiver of an entry is asked to do (R4 3.1.0.11).
struct BundleRequest {
  var method: String
  var url: String
  /// Only where a search for this finds nothing.
  var ifNoneExist: String?
}

/// What `upsert` makes of a resource's identifier, and `add` of its turn.
struct BundleEntryForm: Sendable {
  /// `Observation`
  var resource: String
  /// Of the element `identifier`: whether there may be several.
  var takesSeveral = true
  /// The bundle asks the receiver for something.
  var asks = true
}

extension Run {
  private static let identifierKey = Record.Key("identifier")

  /// Begins a bundle, also in each turn of a loop.
  func begin(bundle: Int, _ head: Record) { bundles[bundle] = BundleDraft(head: head) }

  /// Puts in a resource that is to be the only one with its identifier, wherever it comes to.
  ///
  /// - Parameter overwrites: what the receiver has already becomes this one (`PUT Type?identifier=…`); otherwise it
  ///   stays as it is (`POST Type` with `ifNoneExist`).
  /// - Returns: a reference to it.
  func put(
    _ resource: Datum, by identifier: Datum, _ form: BundleEntryForm, overwrites: Bool, into bundle: Int, at span: Span
  ) throws -> Datum {
    try step(bytes: 256, at: span)
    guard let value = identifier.text(of: "value"), let record = resource.record else {
      throw Interrupt.failure(
        Failure(
          .stopping, .bundle, "the identifier by which this \(form.resource) is known has no value here", at: span))
    }
    let system = identifier.text(of: "system")
    let fullURL = "urn:uuid:" + Function.stableID([form.resource, system, value])
    let named = Datum.record(Self.identified(record, identifier, system, value, form))
    let search = "identifier=\(FHIRSearch.token(system, value))"
    let request =
      overwrites
      ? BundleRequest(method: "PUT", url: "\(form.resource)?\(search)")
      : BundleRequest(method: "POST", url: form.resource, ifNoneExist: search)
    let entry = BundleDraft.Entry(fullURL: fullURL, resource: named, request: request)
    if let place = bundles[bundle].places[fullURL] {
      // What is told in full counts, wherever in the message it stands.
      if !overwrites { return Self.reference(fullURL) }
      let before = bundles[bundle].entries[place].resource
      if bundles[bundle].entries[place].request?.ifNoneExist == nil {
        let (one, other) = (RecordWriter.bytes(before, upTo: bytesLeft), RecordWriter.bytes(named, upTo: bytesLeft))
        try step(bytes: one.count + other.count, at: span)
        if one != other {
          try note("a second \(form.resource) with the same identifier: the bundle holds the later one", at: span)
        }
      }
      bundles[bundle].entries[place] = entry
    } else {
      bundles[bundle].places[fullURL] = bundles[bundle].entries.count
      bundles[bundle].entries.append(entry)
    }
    return Self.reference(fullURL)
  }

  /// Puts in a resource as a new one.
  ///
  /// - Returns: a reference to it.
  func add(_ resource: Datum, _ form: BundleEntryForm, to bundle: Int, at span: Span) throws -> Datum {
    try step(bytes: 128, at: span)
    var id: String?
    if case .text(let text)? = attributes["id"] { id = text }
    addedCount += 1
    let fullURL = "urn:uuid:" + Function.stableID([form.resource, id, "entry", String(addedCount)])
    bundles[bundle].places[fullURL] = bundles[bundle].entries.count
    bundles[bundle].entries.append(
      BundleDraft.Entry(
        fullURL: fullURL, resource: resource,
        request: form.asks ? BundleRequest(method: "POST", url: form.resource) : nil))
    return Self.reference(fullURL)
  }

  /// The resource with the identifier by which it is found again, where it didn't hold it itself.
  private static func identified(
    _ record: Record, _ identifier: Datum, _ system: String?, _ value: String, _ form: BundleEntryForm
  ) -> Record {
    let present = record["identifier"]
    let identifiers = form.takesSeveral ? present.elements : [present].filter { !$0.isAbsent }
    let isThere = identifiers.contains { $0.text(of: "value") == value && $0.text(of: "system") == system }
    if isThere { return record }
    if !form.takesSeveral { return record.with([(identifierKey, identifier)]) }
    return record.with([(identifierKey, .list([identifier] + identifiers))])
  }

  private static let referenceKeys = [Record.Key("reference")]

  static func reference(_ url: String) -> Datum {
    .record(Record(resource: nil, keys: referenceKeys, values: [.text(url)]))
  }
}

/// Parameters of a search, as they stand in a URL.
enum FHIRSearch {
  /// `system|value`; without a system `|value`: one that has none.
  static func token(_ system: String?, _ value: String) -> String {
    "\(encoded(system ?? ""))|\(encoded(value))"
  }

  /// «\», «,», «|» and «$» mean something in a search and stand behind a backslash (R4 search, 3.1.1.4.0.2); what means
  /// something in a URL is percent-encoded.
  private static func encoded(_ text: String) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"), UInt8(ascii: ","), UInt8(ascii: "|"), UInt8(ascii: "$"):
        percent(UInt8(ascii: "\\"), &result)
        percent(byte, &result)
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"), UInt8(ascii: ":"), UInt8(ascii: "/"):
        result.append(byte)
      default: percent(byte, &result)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static let digits = Array("0123456789ABCDEF".utf8)

  private static func percent(_ byte: UInt8, _ result: inout [UInt8]) {
    result.append(UInt8(ascii: "%"))
    result.append(digits[Int(byte >> 4)])
    result.append(digits[Int(byte & 15)])
  }
}
