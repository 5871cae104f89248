import Testing

/// Whole ways through the built program: the engine runs as a process of its own, partners and senders stand around it,
/// and things break.
///
/// One test at a time: each has an engine with two cores under it, and its times mean something. Every test has its
/// bound.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct Ways {}
