/// What one run may cost. The same message always ends at the same place (E901).
package struct HiltLimits: Sendable, Hashable {
  /// One step stands for one node touched, one element, or 64 bytes.
  package var stepsMax: Int
  /// Bytes of new output; one copy of the input is free.
  package var outputBytesMax: Int
  package var emitsMax: Int
  /// Notes and skips that are kept.
  package var notesMax: Int

  package init(
    stepsMax: Int = 2_000_000, outputBytesMax: Int = 64 << 20, emitsMax: Int = 4_096, notesMax: Int = 1_000
  ) {
    self.stepsMax = stepsMax
    self.outputBytesMax = outputBytesMax
    self.emitsMax = emitsMax
    self.notesMax = notesMax
  }
}
