/// What kind of text or bytes a payload holds. The names are those of a channel file's `format:`.
public enum Format: String, Sendable, CaseIterable, Hashable {
  case hl7v2, fhir, json, xml, dicom, delimited, text, bytes
}
