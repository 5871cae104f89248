package import ConnectorKit

/// `commitment:` of `dicom:` as a destination: the partner says, after it has an object, that it keeps it.
package struct DICOMCommitmentSettings: Settings {
  @Setting(
    """
    How long the partner's report is awaited, once it has taken the request for it. An object of which nothing is said \
    by then counts as refused with the code `unanswered`: it is sent again as often as `refused: {retry: …}` says, or \
    `refused: {unanswered: 5}`.
    """, default: .seconds(3600), example: "4h")
  package var within: Duration
  @Setting(
    """
    The channel whose `dicom` source the partner reports to, on an association that it makes. Several destinations may \
    name one. Without it the report comes on the association that asked for it, which is kept until then.
    """, example: "images")
  package var from: ChannelNameReference?

  package init() {}

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    if within < .seconds(1) || within > .seconds(86_400) {
      reader.problem("C131", "`within` goes from 1s to 1d", at: (node["within"] ?? node).place)
    }
  }
}
