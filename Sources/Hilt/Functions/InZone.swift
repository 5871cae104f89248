extension Function {
  static let inZone = Function(
    name: "in_zone", parameters: [("date", .stamp), ("zone", .literal)], result: .stamp, canFail: true,
    summary: "The same moment by the clock of another zone. A time without an offset is no moment (`instant` gives it "
      + "one); a day alone is the same day everywhere.",
    examples: [
      (#"hl7(in_zone(datetime("202407011030+0100"), "Europe/Paris"), minute) catch "no""#, #"202407011130+0200"#),
      (#"hl7(in_zone(datetime("202407011030"), "Europe/Paris"), minute) catch "no""#, #"no"#),
    ],
    body: .checked { $0.inZone($1) })
}
