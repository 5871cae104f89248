import DICOM
import Testing

@testable import Hilt

/// Items of an output stay the ones that were meant, whatever is taken out around them.
@Suite struct ObjectDraftTests {
  private let sequence = DICOMPath.Step(.standard(DICOMTag(0x0040, 0x0275)))
  private let inner = DICOMPath.Step(.standard(DICOMTag(0x0008, 0x1032)))
  private let name = DICOMPath.Step(.standard(DICOMTag(0x0020, 0x0010)))

  private func step(_ step: DICOMPath.Step, _ item: Int) -> DICOMPath.Step { DICOMPath.Step(step.tag, item: item) }

  /// What an item is called in the output; `nil`: it is gone.
  private func name(_ object: ObjectDraft, _ item: DraftItem) throws -> String? {
    guard let steps = object.steps(of: item) else { return nil }
    guard case .value(let element)? = object.draft.held(DICOMPath(steps + [name])) else { return "none" }
    return try element.text()
  }

  @Test func `items keep their names over removals of chance`() throws {
    var generator = SeededGenerator(seed: 4_711)
    for _ in 0..<200 {
      var draft = DICOMDraft(new: .explicitLittle)
      for outer in 1...4 {
        for number in 1...3 {
          try draft.set(DICOMPath([step(sequence, outer), step(inner, number), name]), .text("\(outer).\(number)"))
        }
        try draft.set(DICOMPath([step(sequence, outer), name]), .text("\(outer)"))
      }
      var object = ObjectDraft(draft)
      var known: [(item: DraftItem, name: String)] = []
      /// Who is still there, in order.
      var model = (1...4).map { outer in (name: "\(outer)", inner: (1...3).map { "\(outer).\($0)" }) }
      for _ in 0..<8 {
        // Somebody names an item by its number of now.
        if let outer = model.indices.randomElement(using: &generator) {
          let steps = [step(sequence, outer + 1)]
          known.append((DraftItem(draft: 0, steps: steps, seen: object.removalCount), model[outer].name))
          if let number = model[outer].inner.indices.randomElement(using: &generator) {
            let steps = steps + [step(inner, number + 1)]
            known.append((DraftItem(draft: 0, steps: steps, seen: object.removalCount), model[outer].inner[number]))
          }
        }
        // Somebody else takes one out.
        guard let outer = model.indices.randomElement(using: &generator) else { break }
        if Bool.random(using: &generator), let number = model[outer].inner.indices.randomElement(using: &generator) {
          let steps = [step(sequence, outer + 1), step(inner, number + 1)]
          try object.draft.remove(DICOMPath(steps))
          object.noteRemoval(steps)
          model[outer].inner.remove(at: number)
        } else if Int.random(in: 0..<4, using: &generator) == 0 {
          let steps = [step(sequence, outer + 1), inner]
          try object.draft.remove(DICOMPath(steps))
          object.noteRemoval(steps)
          model[outer].inner = []
        } else {
          let steps = [step(sequence, outer + 1)]
          try object.draft.remove(DICOMPath(steps))
          object.noteRemoval(steps)
          model.remove(at: outer)
        }
        let there = Set(model.flatMap { [$0.name] + $0.inner })
        for one in known {
          #expect(try name(object, one.item) == (there.contains(one.name) ? one.name : nil), "\(one)")
        }
      }
    }
  }
}
