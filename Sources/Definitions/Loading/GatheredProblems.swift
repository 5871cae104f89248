import Messages

/// All problems of one reading, each once: what is wrong with a template is one problem, however many channels are made
/// from it.
struct GatheredProblems {
  private struct Key: Hashable {
    let code: String
    /// Where it stands, whatever its length.
    let file: String
    let line: Int
    let column: Int
    /// Empty where one place has one problem of a kind, whatever a value makes of it.
    let message: String

    init(_ problem: Problem, at place: Place, message: String = "") {
      (code, file, line, column) = (problem.code, place.file, place.line, place.column)
      self.message = message
    }
  }

  private var found: [(problem: Problem, users: [String])] = []
  private var known: [Key: Int] = [:]
  /// So many users are named.
  private static let usersShown = 3

  /// - Parameters:
  ///   - source: the channel that it is a problem of.
  ///   - template: the template that it was found in, looked at by itself.
  mutating func add(_ problem: Problem, of source: WrittenChannel? = nil, alone template: String? = nil) {
    guard let source, let used = source.template else {
      let isShared = problem.place.file == template
      let message = template == nil ? problem.message : Self.anonymous(problem.message, "x")
      return add(problem, Key(problem, at: problem.place, message: isShared ? "" : message), user: nil)
    }
    let user = source.isRow ? source.origin : "\(used.place)"
    var problem = problem
    let uses = source.uses[problem.place] ?? []
    for use in uses where problem.notes.isEmpty { problem.notes.append("stands in \(use)") }
    if problem.place.file == used.path {
      add(problem, Key(problem, at: problem.place), user: user)
    } else if problem.severity == .warning, let use = uses.first {
      // What is no mistake of the value's is the same for every value.
      add(problem, Key(problem, at: use), user: user)
    } else if source.read[problem.place.file] == nil {
      let message = Self.anonymous(problem.message, source.name ?? "")
      add(problem, Key(problem, at: problem.place, message: message), user: user)
    } else {
      add(problem, Key(problem, at: problem.place, message: problem.message), user: nil)
    }
  }

  /// The words of a problem without the channel's name in them.
  private static func anonymous(_ message: String, _ name: String) -> String {
    message.replacing("`\(name)`", with: "``")
  }

  private mutating func add(_ problem: Problem, _ key: Key, user: String?) {
    if let index = known[key] {
      if let user, !found[index].users.contains(user) { found[index].users.append(user) }
      return
    }
    known[key] = found.count
    found.append((problem, user.map { [$0] } ?? []))
  }

  /// In the order in which they were found, with who uses what they are in.
  var problems: [Problem] {
    found.map { problem, users in
      var problem = problem
      guard let first = users.first else { return problem }
      let more = users.count - Self.usersShown
      let named = users.count == 1 ? first : users.prefix(Self.usersShown).joined(separator: ", ")
      problem.notes.append("used by \(named)" + (more > 0 ? " and \(more) more" : ""))
      return problem
    }
  }
}
