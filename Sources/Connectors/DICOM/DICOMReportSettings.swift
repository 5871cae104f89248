package import ConnectorKit

/// `report-to:` of a caller: where it hears what is committed.
package struct DICOMReportSettings: Settings {
  @Setting("The caller's name or address.", example: "ct1.hospital.example")
  package var host: String
  @Setting("The port that it listens on.", example: "104")
  package var port: Port
  @Setting(
    """
    Encryption; `{}` verifies the caller against the authorities that the system trusts. Left out or `none`: reports \
    go unencrypted.
    """)
  package var tls: TLSSetting<ClientTLSSettings>?

  package init() {}

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    PartnerAddress(host: host, port: port, isTLSSaid: tls != nil).check(reader, node, "go")
  }
}
