/// The reference page of the language's functions, made from their declarations.
package enum HiltReference {
  /// The content of `docs/reference/hilt-functions.md`.
  package static func functions() -> String {
    var text = """
      # Functions of Hilt

      Made from the declarations in `Sources/Hilt/Functions`; do not edit. The examples are tests.

      All functions are pure. Unless said otherwise, absent gives absent and null gives null. One that *can fail* \
      needs a `catch`.

      """
    for function in Function.all {
      text += "\n## \(function.signature)\n\n"
      if function.canFail { text += "*Can fail.* " }
      text += "\(function.summary)\n"
      if function.examples.isEmpty { continue }
      text += "\n| expression | gives |\n| --- | --- |\n"
      for example in function.examples {
        text += "| \(cell(example.expression)) | \(cell(example.gives)) |\n"
      }
    }
    text += "\n# What is asked of a list's elements\n"
    for form in ListForm.all {
      text += "\n## \(form.form)\n\n\(form.summary)\n\n| expression | gives |\n| --- | --- |\n"
      for example in form.examples { text += "| \(cell(example.expression)) | \(cell(example.gives)) |\n" }
    }
    text += """

      # What is written like a function

      ## number(segments)

      A statement, which gives nothing: the segments of an output, or those of a group of it, get the set ids 1, 2, 3… \
      in their first field, in the order in which they stand: `number(out.OBX)`, `number(order.NTE)`. One selector \
      picks some: `number(out.OBX[* where -11 == "F"])`.

      """
    return text
  }

  private static func cell(_ text: String) -> String {
    "`" + text.replacing("|", with: "\\|").replacing("\n", with: "⏎") + "`"
  }
}
