import HL7

/// What the tables of HL7 2.1 to 2.8.2 say of fields, as far as reading and writing one as text needs it.
///
/// The whole tables (repeats, types, lengths) come with the typed checker; until then a field that isn't listed is
/// treated with care: its text is taken only where it has a single value.
enum FieldKinds {
  /// Whether a composite field used as text gives its first leaf: its type is TS, CE, CWE, CNE, CX, EI or HD in some
  /// version. Any other composite as text is E121.
  static func givesFirstLeaf(_ segment: HL7SegmentCode, _ field: Int) -> Bool {
    firstLeaf[segment]?.contains(field) ?? false
  }

  /// Whether text written here may hold formatting (`\.br\`): its type is FT, TX or *varies* in some version.
  static func isFormatted(_ segment: HL7SegmentCode, _ field: Int) -> Bool {
    formatted[segment]?.contains(field) ?? false
  }

  /// Whether the standard has such a segment (one with fields that concern us here).
  static func isKnown(_ segment: HL7SegmentCode) -> Bool { firstLeaf[segment] != nil || formatted[segment] != nil }

  /// Fields of MSH that the standard requires: their absence decides nothing that W105 should warn of.
  static func isRequired(_ segment: HL7SegmentCode, _ field: Int) -> Bool {
    segment == .msh && [1, 2, 9, 10, 11, 12].contains(field)
  }

  /// The composite data types.
  static let types = Set(typeNames.split(separator: " ").map(String.init))

  private static let firstLeaf = fields(firstLeafFields)
  private static let formatted = fields(formattedFields)

  /// Reads `PID:2-4,18 PV1:5`.
  private static func fields(_ text: String) -> [HL7SegmentCode: Set<Int>] {
    var fields: [HL7SegmentCode: Set<Int>] = [:]
    for entry in text.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
      guard let code = HL7SegmentCode(entry.prefix(3)) else { continue }
      for range in entry.dropFirst(4).split(separator: ",") {
        let ends = range.split(separator: "-").compactMap { Int($0) }
        if let first = ends.first, let last = ends.last { fields[code, default: []].formUnion(first...last) }
      }
    }
    return fields
  }

  private static let typeNames = """
    AD AUI CCD CCP CD CE CF CK CN CNE CNN CNS CP CQ CSU CWE CX DDI DIN DLD DLN DLT DR DTN ED EI EIP ELD ERL FC \
    FN HD ICD JCC LA1 LA2 MA MO MOC MOP MSG NA NDL NR OCD OG OSD OSP PCF PI PIP PL PLN PN PPN PRL PT PTA QIP QSC \
    RCD RFR RI RMC RP RPT SAD SCV SN SPD SPS SRT TQ TS UVC VH VID VR WVI WVS XAD XCN XON XPN XTN
    """

  private static let firstLeafFields = """
    ABS:2-4,6-7,9,11,13 ACC:1-2,4,13 ADJ:1-2,4,7,11-13 AIG:3-5,7-8,10,12-14 AIL:4-6,8,10-12 AIP:4-6,8,10-12
    AIS:3-4,6,8-12 AL1:1-4 ARQ:1-2,4-8,10,22-25 ARV:2-4 AUT:1-2,4-6,10-14,16,21 BHS:3-7,13-14 BLC:1 BLG:3-4
    BPO:2-3,6-7,10,13 BPX:2,4-8,10-13,16-17 BTX:2-5,7,10-11,13,16-20 BUI:2-3,5,7,12 CDM:1-2,5-7,9,11
    CER:8-12,14-16,18,20-31 CM0:2-3 CM1:2 CM2:2,4 CNS:3-6 CON:2,4,10-15,18,20,22-23,25 CSP:1-4 CSR:1-6,9-16
    CSS:1-3 CTD:1,6 CTI:1-3 DB1:2-3 DG1:3,5-8,11,17,19-20,22-23,25-26 DMI:1-2 DON:1-2,6-8,10,12-14,21-22,31
    DPS:1-2,5 DRG:1-2,4-5,8,11,13-14,17,20,26-33 ECD:2 ECR:1-2 EDU:2,7,9 EQL:3 EQP:1,3-4 EQU:1-5 ERQ:2
    ERR:3,5,9-11 EVN:2-4,6-7 FAC:1 FHS:3-7,13-14 FT1:4-7,13-14,17-19,23,25-30,34,36-41 GOL:2-5,7-14,16,18-20,22
    GP1:1-4 GP2:1,4-10,12 GT1:2,8-11,19-20,23-24,26,29-30,33-38,40-41,43-44,47-48,52-53,55,57
    IAM:2-4,6-7,9-10,13,15-17,20,27 IAR:1-3 IIM:1-2,4-7,9,11,13-15 ILT:6,10
    IN1:2-3,10,15,17-18,20-21,27,29,31-32,35,42-43,46-50,53-54
    IN2:1,4-5,11,14-16,24-27,31-36,38-39,41-43,48,51,54,57,59-62,65,71-72 IN3:2,6-7,12-13,17-18,23-24,26-27
    INV:1-6,11-13,15,17-18 IPC:1-8 IPR:1-4 ISD:2-3 ITM:1,3-7,10-12,14-15,17-19,22-33 IVC:1-6,20,25,28-29
    IVT:2,4,6-12,14-17,19-21,26 LAN:2-4 LCC:2-4 LCH:3-5 LDP:2-5,7-8,12 LOC:3,7-9 LRL:3-4 MCP:2 MFA:3-5 MFE:3-4
    MFI:1-2,4-5 MRG:1-7 MSA:6 MSH:3-7,19,21,24-25 NCK:1 NDS:2-4 NK1:3,7,12,14-22,24-25,27-29,33-36,39 NPU:2
    NSC:1,4-5,8-9 NST:4-5 NTE:4 OBR:2-4,6-8,12-14,22,31,36,38-40,43-53 OBX:3,6,8,12,14-15,17-22,27-28 ODS:2-3
    ODT:1-2 OM1:2-3,5-8,13-16,18-23,27-28,30-39,42-43,45-47,50,52,55-56,58 OM2:2-5 OM3:2-7 OM4:5-8,15,18 OM5:2-3
    OM7:2-3,6-7,9-10,12-14,16,18-19,22,24 OMC:3-6,11 ORC:2-4,9,15-18,20,25-31,33-34 ORG:2-3,5-8,10,13 ORO:1
    OVR:1-2 PAC:2-3,5-8 PCE:2-3 PCR:1,3,5-11,13-16,18 PD1:1-2,5-8,10-11,15-16,19-21 PDA:1,4 PDC:2,5,9,14-15
    PEO:1-6,18,24 PES:5,9-10 PID:2-4,7-8,10,15-18,21-22,26-29,32-36,38-39 PKG:2-3,8 PM1:1-2 PMT:1,4,7,10
    PR1:3,5-6,9,13,15-19,21-22,25 PRA:1-3,9,11 PRB:2-5,7-16,18-19,21-23,25-28 PRC:1-4,11-14,18 PRD:1,6,8-9,14
    PRT:1,3-4,6-7,10,13,16,21-22 PSG:1-2 PSH:3-5 PSL:1-2,4-8,17,19-20,22,25,31-33 PSS:1-2 PTH:2-7
    PV1:2,4-5,10,12-16,18-19,21-24,28-29,31,34,36,38-39,41,44-45,50-51,54
    PV2:2-4,7-9,16,18,21,24-25,27,30-31,33,38-45,47-49 PYE:2-3,7 QAK:3 QID:2 QPD:1 QRD:1,6,9-10 QRF:2-3 QRI:2-3
    RCP:3-4 REL:2-6,13 RF1:1-12 RGS:3 RMI:1-3 ROL:1,3,5-10 RQ1:2,4 RQD:2-4,6-9 RX1:14,25
    RXA:3-5,7-9,14,16-19,22,24-25,29 RXC:2,4,6-7,9,11 RXD:2-3,5-6,9,15,17,19-21,23,25-27,29-30,33,35
    RXE:2,5-7,11,18,21,23-24,26-27,29,31-32,34-35,37-38,40 RXG:4,7-9,13,15-16,18,20-22,24-25,27,31,33
    RXO:1,4-7,10,12,19-20,22,24,26,29-32 RXR:1-6 RXV:4,6,9,11,13,15,18-19,21
    SAC:1-5,7-10,12-13,15,20,24-28,30,33,35,37,39-44 SCD:10,19-24,26-28,32-33 SCH:1-2,4-8,10,23-27 SCP:2-4,7-8
    SDD:1-2,4-5 SFT:6 SHP:1-3,6-7,9-11 SID:1,4 SLT:1,3-4 SPM:4-11,15-16,18-19,21-24,27-32 SPR:3
    STF:1-2,4-6,8-9,14,16-17,20,27-28,30-31,33,36,38-40 STZ:1-4 TCC:1-2,13-15 TCD:1,8 TQ1:7-9 TQ2:3-5
    TXA:2,4,6-8,12-15,24 UAC:1 UB1:12-13,17 UB2:3 URD:1,4-5 URS:2-3 VAR:1-3,5 VND:2,4-5 VTQ:3-4
    """

  private static let formattedFields = """
    CON:5-9 DSP:3,5 ECD:5 ECR:3 EQP:5 ERR:7-8 MFA:5 MFE:4 NTE:3 OBX:5 OM1:6-7,32-33,35,37-42,44,53-54 OM2:5-6
    OM4:3-4,8-10,12-13 OM6:2-3 OM7:4 OMC:9 OVR:3 PEO:13-17 PES:7-8 PSH:9,12 QPD:3 RDT:1 RX1:28-30 SFT:5 SHP:5
    TQ1:10-11
    """
}
