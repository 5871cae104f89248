package import ConnectorKit

/// `application-ack:` of `mllp:` as a destination: in enhanced mode, the second of the partner's two answers.
package struct MLLPApplicationSettings: Settings {
  @Setting(
    """
    How long the application acknowledgement is awaited, from the accept acknowledgement (CA) on. Without one in that \
    time the message counts as refused with the code `unanswered`: it is dead, or what `refused: {unanswered: 2, then: \
    hold}` says; sent again it is marked as a possible duplicate. Where MSH-16 says `ER`, silence is success.
    """, default: .seconds(300), example: "5m")
  package var within: Duration
  @Setting(
    """
    The channel whose `mllp` source the partner sends its application acknowledgements to, as messages of their own. \
    One that names a message of this destination in MSA-2 ends its delivery and does not go through that channel; any \
    other goes through it like every message. Without it they come on the connection that the message went on.
    """, example: "ehr-answers")
  package var from: ChannelNameReference?

  package init() {}

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    if within < .seconds(1) || within > .seconds(86_400) {
      reader.problem("C131", "`within` goes from 1s to 1d", at: (node["within"] ?? node).place)
    }
  }
}
