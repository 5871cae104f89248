import Definitions
import Foundation
import Store
import Synchronization
import Testing

@testable import Engine

/// What keeps a change of a channel apart from the messages that are under way.
@Suite struct PassageTests {
  private func version(_ about: String) throws -> ChannelVersion {
    let folder = FileManager.default.temporaryDirectory.path + "/hilum-passage-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data("channel: adt\nabout: \(about)\nsource: {played: {}}\ndestinations: {out: {stub: {}}}\n".utf8)
      .write(to: URL(fileURLWithPath: folder + "/adt.yaml"))
    let registry = ConnectorRegistry(sources: [PlayedSource.self], destinations: [StubConnector.self])
    let definition = try #require(ChannelLoader(registry: registry).load(folder: folder).definitions.first)
    return ChannelVersion(
      definition, keys: ChannelKeys(channel: 1, revision: 1, state: "running", lanes: [], columns: []), lanes: [])
  }

  @Test func `is held until nobody is inside, and what comes meanwhile enters the next version`() async throws {
    let journal = Journal()
    let passage = Passage(try version("old"))
    let entered = try #require(passage.enter {})
    #expect(entered.definition.about == "old")
    let holding = Task.immediate {
      await passage.hold()
      journal.note("held")
    }
    #expect(passage.enter { journal.note("opens") } == nil)
    #expect(journal.lines.isEmpty)
    passage.leave()
    await holding.value
    #expect(journal.lines == ["held"])
    passage.open(try version("new"))
    #expect(journal.lines == ["held", "opens"])
    #expect(passage.enter {}?.definition.about == "new")
  }

  @Test func `changed without being held, who is inside ends with what he entered`() async throws {
    let passage = Passage(try version("old"))
    let inside = try #require(passage.enter {})
    passage.open(try version("new"))
    #expect(inside.definition.about == "old" && passage.version.definition.about == "new")
    passage.leave()
    await passage.hold()
    passage.open()
    #expect(await passage.enter().definition.about == "new")
  }
}

@Suite struct DeploymentGateTests {
  @Test func `a deployment waits for what is under way, and what comes then waits for it`() async throws {
    let journal = Journal()
    let gate = DeploymentGate()
    let (operationEnds, endOperation) = AsyncStream<Void>.makeStream()
    let (deploymentEnds, endDeployment) = AsyncStream<Void>.makeStream()
    let operation = Task.immediate {
      await gate.beside {
        journal.note("operation")
        for await _ in operationEnds {}
      }
    }
    let deployment = Task.immediate {
      try await gate.alone {
        journal.note("deployment")
        for await _ in deploymentEnds {}
      }
    }
    let second = Task.immediate { try await gate.alone { journal.note("second deployment") } }
    // Beside another operation there is no waiting, also while a deployment does.
    await gate.beside { journal.note("beside") }
    #expect(journal.lines == ["operation", "beside"])
    endOperation.finish()
    await journal.wait(for: "deployment")
    let late = Task.immediate { await gate.beside { journal.note("late") } }
    #expect(journal.lines == ["operation", "beside", "deployment"])
    endDeployment.finish()
    try await deployment.value
    await late.value
    try await second.value
    await operation.value
    #expect(Set(journal.lines.suffix(2)) == ["late", "second deployment"])
  }

  @Test func `a gate that is closed lets the deployment that works end, and no other begin`() async throws {
    let journal = Journal()
    let gate = DeploymentGate()
    let (ends, end) = AsyncStream<Void>.makeStream()
    let working = Task.immediate { try await gate.alone { for await _ in ends {} } }
    let waiting = Task.immediate { try await gate.alone { journal.note("must not") } }
    let closing = Task.immediate {
      await gate.close()
      journal.note("closed")
    }
    await #expect(throws: OperationError.self) { try await waiting.value }
    #expect(journal.lines.isEmpty && gate.isClosed)
    end.finish()
    try await working.value
    await closing.value
    #expect(journal.lines == ["closed"])
    await #expect(throws: OperationError.self) { try await gate.alone {} }
  }
}

@Suite struct TextChangesTests {
  @Test func `what differs is shown with the lines around it, and a gap between`() {
    let old = (1...20).map { "line \($0)" }
    var new = old
    new[1] = "line two"
    new.remove(at: 15)
    let bytes = { (lines: [String]) in Array(lines.joined(separator: "\n").utf8) }
    #expect(
      TextChanges.lines(bytes(old), bytes(new)) == [
        "  line 1", "- line 2", "+ line two", "  line 3", "  line 4", "…", "  line 14", "  line 15", "- line 16",
        "  line 17", "  line 18",
      ])
    #expect(TextChanges.lines([], bytes(["a"])) == ["+ a"])
    let long = Array(repeating: UInt8(0x0A), count: 5_000)
    #expect(TextChanges.lines(long, []) == ["5000 lines before, 0 now"])
  }
}
