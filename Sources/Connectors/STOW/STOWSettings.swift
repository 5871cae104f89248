package import ConnectorKit
import Messages

/// The settings of `stow:`.
package struct STOWSettings: Settings {
  @Setting(
    """
    Where the server's DICOMweb resources begin, `https` or `http`: objects are posted to `/studies` below it. No \
    redirect is followed and no proxy asked.
    """, example: "https://pacs.hospital.example/dicom-web")
  package var url: HTTPAddress
  @Setting("Who signs in at the server (HTTP Basic).", example: "hilum")
  package var user: String?
  @Setting("With which password.", example: "{file: /run/secrets/pacs}")
  package var password: Secret?
  @Setting("Signs in with a token instead (`Authorization: Bearer …`).", example: "{file: /run/secrets/pacs-token}")
  package var token: Secret?
  @Setting(
    "How long the server may take no more of an object, and how long it may take to answer once it has all of it.",
    default: .seconds(60))
  package var timeout: Duration
  @Setting("How long a connection, with its TLS handshake, may take to come about.", default: .seconds(10))
  package var connectTimeout: Duration
  @Setting(
    "How long a connection on which nothing is sent is kept; `0s` ends it after each object.", default: .seconds(20))
  package var keepOpen: Duration
  @Setting(
    """
    Certificates for `https`, whose server is always verified: without it against the authorities that the system \
    trusts. `none` beside `http`: objects are meant to go unencrypted.
    """)
  package var tls: TLSSetting<ClientTLSSettings>?

  package init() {}

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    for (key, duration) in [("timeout", timeout), ("connect-timeout", connectTimeout)] where duration <= .zero {
      reader.problem("C106", "`\(key)` must be longer than nothing", at: (node[key] ?? node).place)
    }
    checkLogin(reader, node)
    checkEncryption(reader, node)
  }

  private func checkLogin(_ reader: SettingReader, _ node: SettingNode) {
    if (user == nil) != (password == nil) {
      let (there, missing) = user == nil ? ("password", "user") : ("user", "password")
      reader.problem("C106", "`\(there)` wants `\(missing)` beside it", at: (node[there] ?? node).place)
    }
    if token != nil, user != nil || password != nil {
      reader.problem(
        "C106", "a server is signed in at with a password or with a token", at: (node["token"] ?? node).place,
        help: ["leave out `token`, or `user` and `password`"])
    }
    // RFC 7617 section 2.
    if let user, user.isEmpty || user.utf8.contains(where: { $0 == 0x3A || $0 < 0x20 || $0 == 0x7F }) {
      reader.problem("C106", "`user` is a name without a colon", at: (node["user"] ?? node).place)
    }
  }

  private func checkEncryption(_ reader: SettingReader, _ node: SettingNode) {
    let place = (node["url"] ?? node).place
    switch (url.isEncrypted, tls) {
    case (true, .unencrypted):
      reader.problem("C106", "`tls: none` contradicts `https`", at: (node["tls"] ?? node).place)
    case (false, .with):
      reader.problem(
        "C106", "`tls` wants `https`", at: place, help: ["write `https://`, or leave out `tls`"])
    case (true, _): break
    case (false, let said):
      guard !IPAddress.isLoopback(host: url.host) else { return }
      if password != nil || token != nil {
        let key = token == nil ? "password" : "token"
        reader.problem(
          "C106", "a \(key) does not go in clear", at: (node[key] ?? node).place, help: ["write `https://` in `url`"])
      } else if said == nil {
        reader.problem(
          "C107", "objects to \(url.host) go unencrypted", at: place, severity: .warning,
          help: ["write `https://`, or say `tls: none` where that is meant"])
      }
    }
  }
}
