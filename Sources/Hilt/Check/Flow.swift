/// What is known of the paths through some statements.
struct Flow: Sendable, Equatable {
  /// A path may go on behind them.
  var completes: Bool
  /// Every path that goes on has emitted something.
  var emits: Bool
  /// Some path emits.
  var mayEmit: Bool

  /// A statement that neither ends anything nor emits.
  static let nothing = Flow(completes: true, emits: false, mayEmit: false)
  /// A path that does not go on.
  static let none = Flow(completes: false, emits: true, mayEmit: false)
  static let emission = Flow(completes: true, emits: true, mayEmit: true)

  /// One or the other is taken.
  static func either(_ a: Flow, _ b: Flow) -> Flow {
    Flow(completes: a.completes || b.completes, emits: a.emits && b.emits, mayEmit: a.mayEmit || b.mayEmit)
  }

  /// One behind the other.
  static func sequence(_ a: Flow, _ b: Flow) -> Flow {
    guard a.completes else { return a }
    return Flow(completes: b.completes, emits: a.emits || b.emits, mayEmit: a.mayEmit || b.mayEmit)
  }
}
