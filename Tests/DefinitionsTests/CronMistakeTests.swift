import Testing

@testable import Definitions

/// What is said of a `cron` that can't be read.
@Suite struct CronMistakeTests {
  @Test(arguments: [
    ("0 6 * *", "`0 6 * *` has 4 fields, and there are five: minute, hour, day of the month, month, day of the week"),
    ("0", "`0` has 1 field, and there are five: minute, hour, day of the month, month, day of the week"),
    ("@daily", "`@daily` is a word of other programs; here the times are said in five fields"),
    ("60 * * * *", "`60`: the field minute goes from 0 to 59"),
    ("0 6 * * frei", "`frei` is nothing that the field day of the week can be"),
    ("0 6 * jan-foo *", "`jan-foo` is nothing that the field month can be"),
    ("0 6 * * fri-mon", "`fri-mon` in the field day of the week goes backwards"),
    ("5/15 * * * *", "`5/15` in the field minute has a step without a range"),
    ("*/0 * * * *", "`*/0` in the field minute has a step that is no number from 1 to 59"),
    ("1,,2 * * * *", "`` is nothing that the field minute can be"),
    ("0 6 L * *", "`L` is nothing that the field day of the month can be"),
    ("0 6 * * 99999999999999999999", "`99999999999999999999` is nothing that the field day of the week can be"),
  ]) func `what is no time is told by its field`(text: String, said: String) {
    let mistakes = #expect(throws: CronExpression.Mistakes.self) { try CronExpression(text) }
    #expect(mistakes?.all.map(\.text) == [said])
  }

  @Test(arguments: [
    ("@daily", #"cron: "0 0 * * *""#), ("@Weekly", #"cron: "0 0 * * sun""#),
    ("@reboot", "0 6 * * mon-fri; a start is no time, and `every: 5m` is a period"),
    ("0 6 * * mon, wed", "a list has no spaces: mon,wed"),
    ("0 0 6 * * *", "there are no seconds: `every: 30s` is for what comes more often"),
    ("0 0 6 * * * 2027", "there are no seconds and no years"),
    ("0 6 ? * mon", "* is any"), ("0 6 L * *", #"there is no last day; the day after is "0 0 1 * *""#),
    ("0 6 15W * *", "`days: mon-fri` beside `cron` leaves out weekends"),
    ("0 6 * * mon#2", "the day of the month 8-14 here, and `days: mon` beside `cron`"),
    ("0 6 * * 7#5", "the day of the month 29-31 here, and `days: sun` beside `cron`"),
    (
      "0 6 * * friL",
      "there is no last one of a month; the first is the day of the month 1-7 and `days: fri` beside `cron`"
    ),
    ("0 6 * * monday-friday", "names have three letters: mon-fri"),
    ("0 6 * January *", "names have three letters: jan"),
    ("0 6 * * fri-tue", "write it as two: fri-sat,sun-tue"), ("0 22-4 * * *", "write it as two: 22-23,0-4"),
    ("0 23-0 * * *", "write it as two: 23,0"),
  ]) func `for what other programs know it is said what to write`(text: String, help: String) {
    let mistakes = #expect(throws: CronExpression.Mistakes.self) { try CronExpression(text) }
    #expect(mistakes?.all.map(\.help) == [help])
  }

  @Test func `all fields that can't be read are told at once`() {
    let mistakes = #expect(throws: CronExpression.Mistakes.self) { try CronExpression("60 6 32 jan moo") }
    #expect(
      mistakes?.all.map(\.text) == [
        "`60`: the field minute goes from 0 to 59", "`32`: the field day of the month goes from 1 to 31",
        "`moo` is nothing that the field day of the week can be",
      ])
  }
}
