@testable import Definitions
import Messages
import Testing

@Suite struct DependenciesTests {
  private func load(_ depends: [String: String], _ paths: [String]? = nil) -> LoadedChannels {
    var files: [String: String] = [:]
    for (index, one) in depends.sorted(by: { $0.key < $1.key }).enumerated() {
      files["Channels/\(one.key).yaml"] = """
        channel: \(one.key)
        \(one.value)
        source: {mllp: {port: \(2000 + index)}}
        destinations: {ehr: {mllp: {host: h, port: 1}}}
        """
    }
    let loader = ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: files))
    return paths.map { loader.load($0) } ?? loader.load(folder: "Channels")
  }

  @Test func `a channel depends on others by name, in a list or alone`() {
    let loaded = load(["a": "depends: [b, c]", "b": "depends: c", "c": ""])
    #expect(loaded.rendered() == "")
    #expect(loaded.definitions.map { $0.dependsOn.map(\.text) } == [["b", "c"], ["c"], []])
  }

  @Test func `what isn't there is an error with what was meant, and a file by itself knows its neighbours`() {
    let loaded = load(["adt": "", "lab": "depends: [atd]"])
    #expect(
      loaded.problems.map { "\($0.place) \($0.code) \($0.label ?? "")" } == [
        "Channels/lab.yaml:2:11 C136 did you mean `adt`?"
      ])
    #expect(loaded.definitions.map(\.name.text) == ["adt"])
    #expect(load(["adt": "", "lab": "depends: [adt]"], ["Channels/lab.yaml"]).rendered() == "")
  }

  @Test func `a circle is an error, once`() {
    let loaded = load(["a": "depends: [b]", "b": "depends: [c]", "c": "depends: [a]", "d": "depends: [d]"])
    #expect(
      loaded.problems.map(\.message) == [
        "a circle: a → b → c → a; none of them could start first", "a circle: d → d; none of them could start first",
      ])
  }

  @Test func `an earlier revision is made again though nobody knows which channels there are`() throws {
    let kept = try #require(load(["a": "depends: [b]", "b": ""]).definitions.first)
    let loader = ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: [:]))
    let again = loader.load(kept.revision.files, channelFile: "a.yaml", folder: "Channels")
    #expect(again.definitions.first?.dependsOn.map(\.text) == ["b"], "\(again.rendered())")
  }
}
