/// Reads a file (PS3.10) or a data set as its bytes come, and keeps of it what isn't pixels.
///
/// Not to be copied once it was used: what inflates is shared.
package struct DICOMReader {
  private enum Phase {
    /// Not enough has come to see what it is.
    case beginning
    case meta
    /// What follows is seen at the first element.
    case sniffing(DICOMTransferSyntax?)
    case dataSet
    case inflating(DICOMInflater)
  }

  private let limits: DICOMLimits
  private let isFile: Bool
  private var phase: Phase
  private var feed: DICOMFeed
  private var inflated: DICOMFeed?
  private var meta: [DICOMEntry] = []
  private var metaNotes: [DICOMNote] = []
  private var syntax = DICOMTransferSyntax.implicitLittle
  private var encoding = DICOMEncoding.implicitLittle
  private var start = 0
  private var hasPreamble = false
  /// Behind what was deflated.
  private var trailingBytes = 0
  private var byteCount: Int

  /// - Parameter syntax: of a data set that comes without a file; `nil` for a file, which says it.
  package init(syntax: DICOMTransferSyntax? = nil, limits: DICOMLimits = DICOMLimits()) {
    self.init(DICOMStore(), syntax, keepsAll: false, limits)
  }

  init(_ store: DICOMStore, _ syntax: DICOMTransferSyntax?, keepsAll: Bool, _ limits: DICOMLimits) {
    self.limits = limits
    isFile = syntax == nil
    byteCount = store.end
    let parser = DICOMParser(at: 0, .explicitLittle, limits: limits, groupOnly: 0x0002)
    feed = DICOMFeed(store, parser, keepsAll: keepsAll, limits: limits)
    phase = syntax == nil ? .beginning : .sniffing(syntax)
  }

  /// How many of the next bytes need not be handed over: `skip` counts them. They belong to a value that isn't kept.
  package var bytesToSkip: Int { feed.bytesToSkip }

  package mutating func skip(_ count: Int) {
    feed.skip(count)
    byteCount += count
  }

  package mutating func receive(_ bytes: some Collection<UInt8>) throws(DICOMError) {
    byteCount += bytes.count
    switch phase {
    case .beginning, .sniffing: feed.store.append(bytes)
    case .meta, .dataSet: try feed.receive(bytes)
    case .inflating(let inflater): try inflate(Array(bytes), inflater)
    }
    try goOn(isLast: false)
  }

  /// Nothing more comes.
  package mutating func finish() throws(DICOMError) -> DICOMObject {
    try goOn(isLast: true)
    if case .inflating(let inflater) = phase, var inflated {
      if !inflater.isAtEnd, !limits.acceptsTruncated {
        throw DICOMError(.truncated, offset: inflater.bytesOut, path: "")
      }
      if trailingBytes > 1 { inflated.parser.note(.trailing, at: inflater.bytesOut) }
      try inflated.finish()
      return object(inflated)
    }
    try feed.finish()
    if isFile, !hasPreamble, meta.isEmpty, feed.parser.entries.isEmpty {
      throw DICOMError(.empty, offset: 0, path: "")
    }
    return object(feed)
  }

  /// What is known when the meta group was read; `nil` before.
  package struct Head: Sendable, Hashable {
    /// Where the data set begins.
    package let dataSetStart: Int
    package let syntax: DICOMTransferSyntax
    /// As the meta group has them; `nil` where it doesn't, or there is none.
    package let sopClass: String?
    package let sopInstance: String?
  }

  package var head: Head? {
    switch phase {
    case .beginning, .meta, .sniffing: return nil
    case .dataSet, .inflating: break
    }
    func uid(_ tag: DICOMTag) -> String? {
      let value = meta.first { $0.tag == tag }.flatMap { feed.store.slice($0.valueRange) }
      return value.map { DICOMText.trimmed($0, .ui) }.map { String(decoding: $0, as: UTF8.self) }
    }
    return Head(
      dataSetStart: start, syntax: syntax, sopClass: uid(.mediaStorageSOPClassUID),
      sopInstance: uid(.mediaStorageSOPInstanceUID))
  }

  private func object(_ feed: DICOMFeed) -> DICOMObject {
    var notes = metaNotes
    notes += feed.parser.notes
    if !syntax.isKnown { notes.append(DICOMNote(.unknownTransferSyntax, offset: start)) }
    let isInflated = syntax.isDeflated && inflated != nil
    let index = DICOMIndex(
      store: feed.store, entries: feed.parser.entries, syntax: syntax, encoding: encoding,
      range: (isInflated ? 0 : start)..<feed.store.end)
    let metaIndex = DICOMIndex(
      store: self.feed.store, entries: meta, syntax: .explicitLittle, encoding: .explicitLittle,
      range: (hasPreamble ? 132 : 0)..<start)
    return DICOMObject(
      meta: DICOMDataSet(index: metaIndex, item: -1), dataSet: DICOMDataSet(index: index, item: -1), syntax: syntax,
      dataSetStart: start, byteCount: byteCount, hasPreamble: hasPreamble, notes: notes)
  }

  // MARK: Phases

  private mutating func goOn(isLast: Bool) throws(DICOMError) {
    while true {
      switch phase {
      case .beginning:
        guard isLast || feed.store.end >= 132 + 8 else { return }
        begin()
      case .meta:
        try feed.run()
        guard feed.isDone || isLast else { return }
        try endMeta()
      case .sniffing(let declared):
        guard isLast || feed.store.end >= start + 8 else { return }
        try beginDataSet(declared)
      case .dataSet:
        return try feed.run()
      case .inflating:
        return
      }
    }
  }

  private mutating func begin() {
    hasPreamble = feed.store.slice(128..<132).map { $0.elementsEqual("DICM".utf8) } ?? false
    let first = hasPreamble ? 132 : 0
    if !hasPreamble { metaNotes.append(DICOMNote(.noPreamble, offset: 0)) }
    feed.goOn(DICOMParser(at: first, .explicitLittle, limits: limits, groupOnly: 0x0002))
    phase = .meta
  }

  private mutating func endMeta() throws(DICOMError) {
    if !feed.isDone { try feed.parser.finish(feed.store) }
    meta = feed.parser.entries
    metaNotes += feed.parser.notes
    start = feed.parser.at
    checkMetaLength()
    let value = meta.first { $0.tag == .transferSyntaxUID }.flatMap { feed.store.slice($0.valueRange) }
    let uid = value.map { DICOMText.trimmed($0, .ui) }.map { String(decoding: $0, as: UTF8.self) } ?? ""
    if uid.isEmpty { metaNotes.append(DICOMNote(.noTransferSyntax, offset: start)) }
    phase = .sniffing(uid.isEmpty ? nil : DICOMTransferSyntax(uid: uid))
  }

  private mutating func checkMetaLength() {
    guard let first = meta.first, first.tag == .groupLengthOfMeta, first.end - first.value == 4,
      let bytes = feed.store.slice(first.value..<first.end)
    else { return }
    if Int(bytes.uint32(at: bytes.startIndex, isBigEndian: false)) != start - first.end {
      metaNotes.append(DICOMNote(.metaLength, offset: first.start, tag: first.tag))
    }
  }

  private mutating func beginDataSet(_ declared: DICOMTransferSyntax?) throws(DICOMError) {
    let seen = sniffed()
    syntax = declared ?? Self.plain(seen ?? .implicitLittle)
    encoding = syntax.encoding
    if syntax.isDeflated {
      let inflater = try DICOMInflater(limits: limits)
      let bytes = feed.keepsAll ? Array(feed.store.slice(start..<feed.store.end) ?? []) : feed.takeRest(from: start)
      inflated = DICOMFeed(
        DICOMStore(), DICOMParser(at: 0, encoding, limits: limits), keepsAll: feed.keepsAll, limits: limits)
      phase = .inflating(inflater)
      try inflate(bytes, inflater)
      return
    }
    // The other way round, an element without VR, is the parser's to tell. The byte order of what is declared isn't
    // doubted: a private group can look like another one's.
    if let seen, seen.isExplicit, !encoding.isExplicit {
      metaNotes.append(DICOMNote(.otherSyntax, offset: start))
      encoding = seen
    }
    feed.goOn(DICOMParser(at: start, encoding, limits: limits))
    phase = .dataSet
  }

  private mutating func inflate(_ bytes: [UInt8], _ inflater: DICOMInflater) throws(DICOMError) {
    guard var inflated else { return }
    self.inflated = nil
    var failure: DICOMError?
    bytes.withUnsafeBufferPointer { bytes in
      do throws(DICOMError) {
        trailingBytes += try inflater.receive(bytes) { (piece) throws(DICOMError) in try inflated.receive(piece) }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    self.inflated = inflated
  }

  private static func plain(_ encoding: DICOMEncoding) -> DICOMTransferSyntax {
    switch (encoding.isExplicit, encoding.isBigEndian) {
    case (false, _): .implicitLittle
    case (true, false): .explicitLittle
    case (true, true): .explicitBig
    }
  }

  /// How the first element of the data set looks; `nil` where there is none.
  private func sniffed() -> DICOMEncoding? {
    guard let bytes = feed.store.slice(start..<min(feed.store.end, start + 8)), bytes.count >= 8 else { return nil }
    let first = bytes.startIndex
    guard DICOMVR(bytes[first + 4], bytes[first + 5]) != nil else { return .implicitLittle }
    // Groups of the beginning have small numbers.
    let little = bytes.uint16(at: first, isBigEndian: false)
    return little > bytes.uint16(at: first, isBigEndian: true) ? .explicitBig : .explicitLittle
  }
}

/// A file or a data set, as it was read.
package struct DICOMObject: Sendable {
  /// Group 0002; empty where there is none.
  package let meta: DICOMDataSet
  package let dataSet: DICOMDataSet
  package let syntax: DICOMTransferSyntax
  /// Where the data set begins in the file.
  package let dataSetStart: Int
  /// Of all that came.
  package let byteCount: Int
  package let hasPreamble: Bool
  /// What it should not have, at most 100 of the meta group and of the data set.
  package let notes: [DICOMNote]

  init(
    meta: DICOMDataSet, dataSet: DICOMDataSet, syntax: DICOMTransferSyntax, dataSetStart: Int, byteCount: Int,
    hasPreamble: Bool, notes: [DICOMNote]
  ) {
    self.meta = meta
    self.dataSet = dataSet
    self.syntax = syntax
    self.dataSetStart = dataSetStart
    self.byteCount = byteCount
    self.hasPreamble = hasPreamble
    self.notes = notes
  }

  /// Reads what is in memory as a whole.
  ///
  /// - Parameter syntax: of a data set that comes without a file; `nil` for a file, which says it.
  package init(
    _ bytes: [UInt8], syntax: DICOMTransferSyntax? = nil, limits: DICOMLimits = DICOMLimits()
  ) throws(DICOMError) {
    var reader = DICOMReader(DICOMStore(bytes), syntax, keepsAll: true, limits)
    self = try reader.finish()
  }
}
