import DICOM

/// A data set of DICOM, or an item of one, as a value.
enum DataSetValue: Sendable {
  /// Of what came.
  case read(DICOMDataSet)
  case item(DraftItem)
}

/// An item of an output, or without steps the output itself.
struct DraftItem: Sendable {
  var draft: Int
  /// Each with the number of its item.
  var steps: [DICOMPath.Step]
  /// How many removals there had been when the numbers were counted.
  var seen: Int
}

/// An output of DICOM, and which items were taken out of it: those behind have other numbers now.
struct ObjectDraft: Sendable {
  var draft: DICOMDraft
  private var removals: [Removal] = []

  private struct Removal: Sendable {
    var sequence: [DICOMPath.Step]
    /// `nil`: the sequence as a whole.
    var item: Int?
  }

  init(_ draft: DICOMDraft) { self.draft = draft }

  var removalCount: Int { removals.count }

  /// - Parameter steps: the last one names the sequence, and with a number the item.
  mutating func noteRemoval(_ steps: [DICOMPath.Step]) {
    guard var last = steps.last else { return }
    let item = last.item
    last.item = nil
    removals.append(Removal(sequence: steps.dropLast() + [last], item: item))
  }

  /// Where an item is now; `nil`: it was removed.
  func steps(of item: DraftItem) -> [DICOMPath.Step]? {
    var steps = item.steps
    for removal in removals[min(item.seen, removals.count)...] {
      let place = removal.sequence.count - 1
      guard place < steps.count, steps[..<place].elementsEqual(removal.sequence[..<place]),
        steps[place].tag == removal.sequence[place].tag
      else { continue }
      guard let number = removal.item, let own = steps[place].item, number != own else { return nil }
      if number < own { steps[place].item = own - 1 }
    }
    return steps
  }
}

extension Run {
  /// The object that came.
  func object(at span: Span) throws -> DICOMObject {
    if let known = readObject { return known }
    do throws(DICOMError) {
      let object = if let known = given.dicom { known } else { try DICOMObject(given.bytes) }
      readObject = object
      return object
    } catch {
      throw Interrupt.failure(
        Failure(.stopping, .unreadable, "this is no DICOM that can be read: \(error)", at: span))
    }
  }

  /// Where an item of an output is now; `nil`: it was removed, or came with the message.
  func steps(of value: DataSetValue) -> [DICOMPath.Step]? {
    guard case .item(let item) = value else { return nil }
    return objects[item.draft]?.steps(of: item)
  }

  /// An output of DICOM begins, or begins anew in another turn of a loop: a copy, or what a function has made of the
  /// object that came. Its value has the type `object(.draft(number))`, with a number of `Checker.newObject`.
  func begin(object number: Int, _ draft: DICOMDraft) -> Datum {
    objects[number] = ObjectDraft(draft)
    return .dataSet(.item(DraftItem(draft: number, steps: [], seen: 0)))
  }

  /// Changes an output in place: while it is changed it is owned here alone.
  func editObject(
    _ number: Int, _ path: DICOMPath, at span: Span, _ change: (inout ObjectDraft) throws(DICOMError) -> Void
  ) throws {
    guard var object = objects[number].take() else { return }
    defer { objects[number] = object }
    try step(bytes: object.draft.siblingCount(path) << 2, at: span)
    do throws(DICOMError) {
      try change(&object)
    } catch {
      throw Failure.unwritable(path, error.reason, at: span)
    }
  }

  /// What goes out of an output: new bytes, and ranges of what came.
  func stretches(ofObject number: Int, at span: Span) throws -> HiltEmitted.Content {
    let object = try object(at: span)
    guard let draft = objects[number]?.draft else { return .input }
    let stretches: [DICOMStretch]
    do throws(DICOMError) {
      stretches = try object.file(with: draft)
    } catch {
      throw Interrupt.failure(Failure(.stopping, .unwritable, "the output can't be written: \(error)", at: span))
    }
    return stretches == [.range(0..<object.byteCount)] ? .input : .dicom(stretches)
  }
}

extension Failure {
  /// An element of an output that can't be written.
  static func unwritable(_ path: DICOMPath, _ why: String, at span: Span) -> Interrupt {
    let path = "\(path)"
    return .failure(Failure(.stopping, .unwritable, "\(path) can't be written: \(why)", at: span, path: path))
  }
}
