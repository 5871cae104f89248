extension Function {
  static let written = Function(
    name: "written", parameters: [("date", .stampOrTime), ("form", .literal)], result: .text, canFail: true,
    summary: "A date or a time of day in a written form: `yyyy yy MMM MM M dd d HH H mm m ss s SSS`, `hh a` for an "
      + "hour up to 12 with AM or PM, `XXX` for an offset, letters in apostrophes as they are. It "
      + "fails where the date is less exact than the form.",
    examples: [
      (#"written(date("20240229"), "dd.MM.yyyy") catch "no""#, #"29.02.2024"#),
      (#"written(datetime("202402290905+0100"), "yyyy-MM-dd'T'HH:mmXXX") catch "no""#, #"2024-02-29T09:05+01:00"#),
      (#"written(datetime("202402292105"), "d MMM yyyy, h:mm a") catch "no""#, #"29 Feb 2024, 9:05 PM"#),
      (#"written(date("2024"), "dd.MM.yyyy") catch "no""#, #"no"#),
    ],
    body: .checked { $0.written($1) })
}
