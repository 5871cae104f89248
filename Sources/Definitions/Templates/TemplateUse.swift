import ConnectorKit
import Messages
import Text

/// One file that makes channels from a template: what it gives, and whether that is what the template asks for.
struct TemplateUse {
  let template: ChannelTemplate
  /// The channel file.
  let file: String
  let root: SettingNode
  let variables: Variables

  private var names: [String] { template.parameters.map(\.name) }

  /// What stands under `with:`; a value that isn't one text is reported.
  func given(_ entry: SettingNode.Entry?, _ reader: SettingReader) -> [String: InstancesFile.Cell] {
    guard let entry else { return [:] }
    guard case .map(let entries) = entry.value.kind else {
      reader.expected("a block of parameters", entry.value, help: ["with: {port: 2601}"])
      return [:]
    }
    var given: [String: InstancesFile.Cell] = [:]
    for entry in entries {
      guard names.contains(entry.key) else {
        let problem = unknown(entry.key, at: entry.keyPlace)
        reader.add(problem)
        // It is taken for the one that was meant, which isn't missing as well.
        if let meant = nearest(to: entry.key, among: names), let text = entry.value.scalar, given[meant] == nil {
          given[meant] = InstancesFile.Cell(text: text, place: entry.value.place)
        }
        continue
      }
      guard let text = entry.value.scalar else {
        reader.expected("the value of `\(entry.key)`, one text", entry.value)
        continue
      }
      given[entry.key] = InstancesFile.Cell(text: text, place: entry.value.place)
    }
    return given
  }

  /// The columns of a table: each is a parameter, and none that is needed is missing. Said once, not for each row.
  func check(columns table: InstancesFile, _ given: [String: InstancesFile.Cell], _ problems: inout [Problem]) {
    guard table.columns[ParameterDeclaration.channel] != nil else { return }
    var meant: Set<String> = []
    for (name, place) in table.columns.sorted(by: { $0.value < $1.value })
    where name != ParameterDeclaration.channel && !names.contains(name) {
      problems.append(unknown(name, at: place))
      nearest(to: name, among: names).map { _ = meant.insert($0) }
    }
    let header = table.columns.values.min() ?? Place(file: table.path, line: 1, column: 1)
    for parameter in template.parameters
    where isMissing(parameter, given) && table.columns[parameter.name] == nil && !meant.contains(parameter.name) {
      problems.append(
        noted(
          Problem(
            "C161", "this table has no column `\(parameter.name)`, and the template needs it", at: header,
            help: ["a column `\(parameter.name)` (\(parameter.type.words))", "with: {\(parameter.name): …} for all"]),
          parameter))
    }
  }

  private func isMissing(_ parameter: ParameterDeclaration, _ given: [String: InstancesFile.Cell]) -> Bool {
    parameter.isRequired && given[parameter.name] == nil
  }

  private func unknown(_ name: String, at place: Place) -> Problem {
    Problem(
      "C161", "the template \(template.path) has no parameter `\(name)`", at: place,
      label: nearest(to: name, among: names).map { "did you mean `\($0)`?" },
      help: [names.isEmpty ? "it has none" : "its parameters: " + names.map { "`\($0)`" }.joined(separator: ", ")])
  }

  private func noted(_ problem: Problem, _ parameter: ParameterDeclaration) -> Problem {
    var problem = problem
    problem.notes.append("`\(parameter.name)` is declared in \(parameter.place)")
    return problem
  }

  /// A value for each parameter. What is missing or of another type is reported, and something stands in its place, so
  /// that the rest is looked at.
  ///
  /// - Parameter blanks: where cells of the row stand that give nothing.
  func values(
    _ given: [String: InstancesFile.Cell], name: InstancesFile.Cell?, blanks: [String: Place], _ reader: SettingReader
  ) -> [String: TemplateFilling.Given] {
    var values: [String: TemplateFilling.Given] = [:]
    values[ParameterDeclaration.channel] = TemplateFilling.Given(
      text: name?.text ?? "x", place: name?.place, type: .text)
    for parameter in template.parameters {
      let sample = TemplateFilling.Given(text: parameter.type.placeholder, place: nil, type: parameter.type)
      if let cell = given[parameter.name] {
        let quiet = SettingReader(folder: "/")
        let isGood = parameter.type.check(SettingNode(.scalar(cell.text), at: cell.place), quiet)
        for problem in quiet.problems {
          reader.add(noted(problem, parameter))
        }
        let value = TemplateFilling.Given(text: cell.text, place: cell.place, type: parameter.type)
        values[parameter.name] = isGood ? value : sample
      } else if parameter.standard != nil {
        values[parameter.name] = template.standard(parameter)
      } else if parameter.isRequired {
        values[parameter.name] = sample
        missing(parameter, isRow: !blanks.isEmpty, at: blanks[parameter.name], reader)
      }
    }
    return values
  }

  private func missing(_ parameter: ParameterDeclaration, isRow: Bool, at blank: Place?, _ reader: SettingReader) {
    // A column that isn't there is missing once, not in each row.
    if root["instances"] != nil, blank == nil { return }
    let place = blank ?? root.entry("with")?.keyPlace ?? root.entry("template")?.keyPlace ?? root.place
    let kind = parameter.type.words
    reader.add(
      noted(
        Problem(
          "C161", "`\(parameter.name)` is missing, which the template needs", at: place,
          help: [blank == nil ? "with: {\(parameter.name): …}, a \(kind)" : "a \(kind)", "a default in the template"]),
        parameter))
  }
}
