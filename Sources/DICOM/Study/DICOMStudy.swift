import Text

/// What is told of the objects of one study, without their pixels: the study's attributes once, in it its series, and
/// in each its instances. Written as JSON whose keys are the keywords of the dictionary.
package struct DICOMStudy: Sendable {
  /// Where an object is kept, and how large it is.
  package struct Kept: Sendable {
    package var message: String
    package var delivery: String
    package var byteCount: Int

    package init(message: String, delivery: String, byteCount: Int) {
      self.message = message
      self.delivery = delivery
      self.byteCount = byteCount
    }
  }

  private struct Series {
    var attributes = DICOMWrittenAttributes()
    var instances: [(attributes: DICOMWrittenAttributes, kept: Kept)] = []
    /// Where an instance stands, by its UID.
    var places: [String: Int] = [:]
  }

  /// About what an instance takes in the text.
  package static let bytesEach = 1 << 10

  private var identity: [String?] = []
  private var attributes = DICOMWrittenAttributes()
  private var modalities: [String] = []
  private var series: [Series] = []
  private var places: [String: Int] = [:]
  /// How many objects were added.
  package private(set) var count = 0

  package init() {}

  /// Adds an object. What study and series say is taken from the first that says it; an instance that came before
  /// stands there once, as it came last.
  ///
  /// - Returns: `false` of one of another study or patient, which is left out: what is said of the one isn't true of
  ///   the other.
  package mutating func add(_ object: DICOMObject, _ kept: Kept) -> Bool {
    let dataSet = object.dataSet
    let identity = DICOMStudyAttributes.identity.map { Self.text($0, of: dataSet) }
    if count == 0 { self.identity = identity } else if identity != self.identity { return false }
    count += 1
    attributes.add(DICOMStudyAttributes.study, of: dataSet)
    if let modality = Self.text("Modality", of: dataSet), !modalities.contains(modality) { modalities.append(modality) }

    let uid = Self.text("SeriesInstanceUID", of: dataSet) ?? ""
    let place = places[uid] ?? series.count
    if place == series.count {
      places[uid] = place
      series.append(Series())
    }
    series[place].attributes.add(DICOMStudyAttributes.series, of: dataSet)
    var attributes = DICOMWrittenAttributes()
    attributes.add(DICOMStudyAttributes.instance, of: dataSet)
    attributes.add("AvailableTransferSyntaxUID", dataSet.syntax.uid)
    let instance = Self.text("SOPInstanceUID", of: dataSet) ?? ""
    if let known = series[place].places[instance], !instance.isEmpty {
      series[place].instances[known] = (attributes, kept)
    } else {
      series[place].places[instance] = series[place].instances.count
      series[place].instances.append((attributes, kept))
    }
    return true
  }

  package func json() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    attributes.write(to: &writer)
    writer.key("ModalitiesInStudy")
    writer.beginList()
    for modality in modalities { writer.text(modality) }
    writer.endList()
    writer.key("series")
    writer.beginList()
    for one in series { Self.write(one, to: &writer) }
    writer.endList()
    writer.endObject()
    return writer.bytes
  }

  private static func write(_ series: Series, to writer: inout JSONWriter) {
    writer.beginObject()
    series.attributes.write(to: &writer)
    writer.key("instances")
    writer.beginList()
    for (attributes, kept) in series.instances {
      writer.beginObject()
      attributes.write(to: &writer)
      writer.key("message")
      writer.text(kept.message)
      writer.key("delivery")
      writer.text(kept.delivery)
      writer.key("bytes")
      writer.number(String(kept.byteCount))
      writer.endObject()
    }
    writer.endList()
    writer.endObject()
  }

  private static func text(_ keyword: String, of dataSet: DICOMDataSet) -> String? {
    (try? dataSet[keyword]?.text()).flatMap { $0.isEmpty ? nil : $0 }
  }
}
