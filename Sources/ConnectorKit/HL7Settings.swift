/// The `hl7:` block beside a source: how HL7 v2 is read, whatever brought it.
public struct HL7Settings: Settings {
  public enum Declared: String, SettingChoice { case trust, ignore }
  public enum SegmentEnd: String, SettingChoice { case cr, any }
  public enum Batch: String, SettingChoice { case split, refuse }
  public enum MissingControlID: String, SettingChoice { case refuse, accept }

  @Setting(
    "The character set of messages that declare none in MSH-18, and of all where `charset-declared` is `ignore`.",
    example: "windows-1252")
  public var charset: String?
  @Setting("Whether MSH-18 decides the character set.", default: .trust)
  public var charsetDeclared: Declared
  @Setting("What ends a segment: `cr` as the standard says, or `any` of CR, LF and CRLF.", default: .cr)
  public var segmentEnd: SegmentEnd
  @Setting("A batch (FHS, BHS) or several messages in one file: `split` into messages, or `refuse`.", default: .split)
  public var batch: Batch
  @Setting("What to do with a message whose MSH-10 is empty.", default: .refuse)
  public var missingControlID: MissingControlID

  public init() {}
}
