import Definitions
import Foundation
import HL7
import Hilt
import Messages
import Synchronization
import Testing

/// The keys that a channel names for its transform.
@Suite struct KeysTests {
  private let program = """
    transform research
      in  hl7 2.5.1
      out hl7
    let out = copy msg
    out.PID-3 = { 1: pseudonym(PID-3[1].1, key: "research-2026") }
    emit out

    """

  private func channel(_ transform: String) -> [String: String] {
    [
      "Transforms/research.hilt": program,
      "Channels/research.yaml": """
      channel: research
      source: {mllp: {port: 2575}}
      transform: \(transform)
      destinations: {ehr: {mllp: {host: h, port: 1}}}
      """,
    ]
  }

  private let message = Array("MSH|^~\\&|A|B|C|D|20260101||ADT^A01^ADT_A01|1|P|2.5.1\rPID|1||42\r".utf8)

  /// What stands in PID-3, or the problem that ended the run.
  private func ran(_ loaded: LoadedChannels) throws -> String {
    #expect(loaded.rendered() == "")
    let result = try #require(loaded.definitions.first?.transform).run(HiltInput(try HL7Message(message)))
    if case .failed(let failure) = result.decision { return failure.problem.message }
    let made = try #require(result.emitted.first?.made(of: message))
    return String(decoding: made, as: UTF8.self).split(separator: "|").last?.trimmingCharacters(in: .newlines) ?? ""
  }

  @Test func `a key comes from a file or a variable, without the line break at its end`() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "key-\(UUID())")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data("correct horse battery staple\n".utf8).write(to: file)
    let ofFile = try ran(
      load(channel("{file: ../Transforms/research.hilt, keys: {research-2026: {file: \(file.path)}}}")))
    let ofVariable = try ran(
      load(channel("{file: ../Transforms/research.hilt, keys: {research-2026: {env: KEY}}}")) { name in
        name == "KEY" ? "correct horse battery staple" : nil
      })
    #expect(ofFile == ofVariable)
    #expect(ofFile.utf8.count == 16)
  }

  @Test func `a key isn't read before it is needed, and what is missing is named then`() throws {
    #expect(
      try ran(load(channel("{file: ../Transforms/research.hilt, keys: {research-2026: {file: /nowhere/key}}}")))
        == "the key 'research-2026' can't be used: the file /nowhere/key does not exist")
    #expect(
      try ran(load(channel("{file: ../Transforms/research.hilt, keys: {research-2026: {env: KEY}}}")))
        == "the key 'research-2026' can't be used: the environment variable KEY is not set")
  }

  @Test func `a key that was mended is taken, and one that was taken stays`() throws {
    let texts = ["short", "a key of sixteen bytes or more", "another key of sixteen bytes or more"]
    let reads = Mutex(0)
    let channel = channel("{file: ../Transforms/research.hilt, keys: {research-2026: {env: KEY}}}")
    let loaded = load(channel) { name in
      guard name == "KEY" else { return nil }
      return reads.withLock { reads in
        defer { reads += 1 }
        return texts[min(reads, 2)]
      }
    }
    #expect(try ran(loaded) == "the key 'research-2026' can't be used: it has fewer than 16 bytes")
    let first = try ran(loaded)
    #expect(try first.utf8.count == 16 && ran(loaded) == first)
    #expect(reads.withLock { $0 } == 2)
  }

  @Test func `who looks around is told of a key that isn't here, and of one that is too short`() {
    let texts = channel("{file: ../Transforms/research.hilt, keys: {research-2026: {env: KEY}}}")
    func look(_ key: String?) -> [String] {
      let loader = ChannelLoader(
        registry: testRegistry, files: MemoryFiles(texts: texts), environment: { $0 == "KEY" ? key : nil },
        looksAround: true)
      return loader.load(["Channels/research.yaml"]).problems.map { "\($0.place) \($0.severity) \($0.code)" }
    }
    #expect(look("a key of sixteen bytes or more") == [])
    #expect(look(nil) == ["Channels/research.yaml:3:70 warning C140"])
    #expect(look("short") == ["Channels/research.yaml:3:70 error C141"])
  }

  @Test func `a channel that is tried reads no key`() throws {
    let texts = channel("{file: ../Transforms/research.hilt, keys: {research-2026: {file: /nowhere/key}}}")
    var loader = ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: texts))
    loader.isTrial = true
    #expect(try ran(loader.load(["Channels/research.yaml"])).utf8.count == 16)
  }

  @Test func `a key that the channel doesn't have is an error where the transform names it`() {
    for transform in [
      "../Transforms/research.hilt", "{file: ../Transforms/research.hilt, keys: {research-2025: {env: K}}}",
    ] {
      let problems = load(channel(transform)).problems
      #expect(problems.map { "\($0.place) \($0.code)" } == ["Transforms/research.hilt:5:45 E602"])
      #expect(problems.first?.message.contains("did you mean 'research-2025'?") == transform.hasPrefix("{"))
    }
  }

  @Test func `a key itself is refused, and what is no block of keys`() {
    let written = "{file: ../Transforms/research.hilt, keys: {research-2026: correct horse battery staple}}"
    let loaded = load(channel(written))
    #expect(loaded.problems.map(\.code) == ["C105"])
    #expect(load(channel("{file: ../Transforms/research.hilt, keys: [a]}")).problems.map(\.code) == ["C103"])
    #expect(load(channel("{file: ../Transforms/research.hilt, key: {}}")).problems.contains { $0.code == "C101" })
  }
}
