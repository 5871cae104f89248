/// What is asked of a list's elements one by one: `any x in list where …`. No function, because it names the element.
struct ListForm: Sendable {
  /// How it is written.
  var form: String
  var summary: String
  /// Expressions with what they give, as text; all are tests.
  var examples: [(expression: String, gives: String)]

  /// All of them, in the order of the reference.
  static let all: [ListForm] = [
    ListForm(
      form: "any x in list where …", summary: "Whether one element fits; of an empty list it is false.",
      examples: [(#"if any x in ["a", "b"] where x == "b" then "yes" else "no""#, "yes")]),
    ListForm(
      form: "all x in list where …", summary: "Whether every element fits; of an empty list it is true.",
      examples: [(#"if all x in ["a", "b"] where x == "b" then "yes" else "no""#, "no")]),
    ListForm(
      form: "none x in list where …", summary: "Whether no element fits; of an empty list it is true.",
      examples: [(#"if none x in ["a", "b"] where x == "c" then "yes" else "no""#, "yes")]),
    ListForm(
      form: "count x in list where …", summary: "How many elements fit.",
      examples: [(#"count x in ["a", "b", "a"] where x == "a""#, "2")]),
    ListForm(
      form: "first x in list where …", summary: "The first element that fits, or absent. `last` is the last one.",
      examples: [
        (#"first x in ["a1", "b1", "b2"] where starts_with(x, "b")"#, "b1"),
        (#"last x in ["a1", "b1", "b2"] where starts_with(x, "b")"#, "b2"),
      ]),
    ListForm(
      form: "sort_by x in list where … => key",
      summary:
        "The elements in the order of their keys: numbers, dates, times of day, or texts by their UTF-8 (a field of "
        + "numbers is not one: `number(x-1) catch absent`). Elements "
        + "with equal keys stay as they were, and those without a key come last. A date that is less exact counts as "
        + "its beginning; where only some have an offset there is no order, and the run ends. `descending` behind the "
        + "key turns the order round; what has no key comes last all the same. `where` may be left out.",
      examples: [
        (#"join(sort_by x in ["b", "c", "a"] => x, "")"#, "abc"),
        (#"join(sort_by x in ["b", "c", "a"] => x descending, "")"#, "cba"),
        (#"join(sort_by x in ["ccc", "a", "bb"] where x != "a" => length(x), " ")"#, "bb ccc"),
      ]),
    ListForm(
      form: "group_by x in list where … => key",
      summary:
        "The elements with equal keys together, each group with its `.key`, a text, and its `.values`; groups stand "
        + "in the order of their first elements. `where` may be left out.",
      examples: [
        (
          #"join(for g in (group_by x in ["a1", "b1", "a2"] => left(x, 1)) => "{g.key}{count(g.values)}", " ")"#,
          "a2 b1"
        )
      ]),
    ListForm(
      form: "distinct x in list where … => key",
      summary: "The first element of each key; elements without a key are left out. `where` may be left out.",
      examples: [(#"join(distinct x in ["a1", "b1", "a2"] => left(x, 1), " ")"#, "a1 b1")]),
  ]
}
