@testable import Definitions
import Messages
import Testing

@Suite struct RevisionTests {
  private let files = [
    "Channels/a.yaml": """
    channel: a
    source:
      mllp: {port: "${PORT:-2575}"}
    transform: ../Transforms/wards.hilt
    destinations:
      ehr:
        mllp: {host: ehr.hospital.example, port: 6661}
    """,
    "Transforms/wards.hilt": """
    transform wards
      in    hl7 2.3..2.6 ADT_*
      out   hl7 2.5.1

    table ward_names from "codes/wards.csv" key ward value pas default "UNK"

    let out = copy msg
    out.PV1-3.1 = ward_names[PV1-3.1]
    emit out
    """,
    "Transforms/codes/wards.csv": "ward,pas\nA1,W01\n",
  ]

  private func revision(
    _ files: [String: String], port: String? = nil, at path: String = "Channels/a.yaml"
  ) throws -> Revision {
    let loaded = load(files, [path]) { $0 == "PORT" ? port : nil }
    return try #require(loaded.definitions.first?.revision, "\(loaded.rendered())")
  }

  @Test func `a revision holds the channel file and every file it reaches`() throws {
    let revision = try revision(files)
    #expect(revision.files.map(\.path) == ["a.yaml", "../Transforms/codes/wards.csv", "../Transforms/wards.hilt"])
    #expect(revision.files[1].bytes == Array("ward,pas\nA1,W01\n".utf8))
    #expect(revision.sha256.count == 32)
    #expect(revision.id == String(revision.hex.prefix(16)))
  }

  @Test(arguments: ["Channels/a.yaml", "Transforms/wards.hilt", "Transforms/codes/wards.csv"])
  func `another byte in any of them makes another revision`(path: String) throws {
    var changed = files
    changed[path, default: ""] += path.hasSuffix("csv") ? "A2,W02\n" : "\n# x\n"
    let (before, after) = (try revision(files), try revision(changed))
    #expect(before.sha256 != after.sha256)
    #expect(try revision(files) == before)
  }

  @Test func `other values of variables make another revision, and are not kept`() throws {
    let (usual, other) = (try revision(files), try revision(files, port: "29991"))
    #expect(usual.sha256 != other.sha256)
    #expect(usual.files == other.files)
  }

  @Test func `the same files elsewhere are the same revision`() throws {
    let moved = Dictionary(uniqueKeysWithValues: files.map { ("/srv/hilum/" + $0.key, $0.value) })
    #expect(try revision(files) == revision(moved, at: "/srv/hilum/Channels/a.yaml"))
  }

  @Test func `what moves from one file to the next is seen`() {
    func revision(_ first: String, _ second: String) -> Revision {
      Revision(
        channel: Revision.File(path: "a", bytes: Array(first.utf8)),
        reached: [Revision.File(path: "b", bytes: Array(second.utf8))], variables: [:])
    }
    #expect(revision("xy", "z").sha256 != revision("x", "yz").sha256)
  }

  @Test func `a channel is loaded again from what its revision holds, whatever stands on the disk`() throws {
    let kept = try revision(files)
    let loader = ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: [:]))
    let again = loader.load(kept.files, channelFile: "a.yaml", folder: "Channels")
    #expect(again.definitions.first?.revision == kept, "\(again.rendered())")
    let torn = loader.load(kept.files.filter { !$0.path.hasSuffix(".csv") }, channelFile: "a.yaml", folder: "Channels")
    #expect(torn.definitions.isEmpty && torn.hasErrors)
  }

  @Test func `a file that is written while channels are read is noticed`() throws {
    let loaded = ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: files)).load(["Channels/a.yaml"])
    #expect(ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: files)).changedSince(loaded) == nil)
    var later = files
    later["Transforms/codes/wards.csv"] = "ward,pas\nA1,W02\n"
    let changed = ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: later)).changedSince(loaded)
    #expect(changed == "Transforms/codes/wards.csv")
  }

  @Test func `settings that say the same in another order are alike, and others are not`() throws {
    let written = { (yaml: String) in
      YAMLReader.read(Array(yaml.utf8), file: "x.yaml").node?.written(without: ["when"])
    }
    let one = written("mllp: {host: a, port: 1}\nretry: {first: 1s}\nwhen: x\n")
    #expect(one == written("# other\nretry:\n  first: 1s\nmllp:\n  port: 1\n  host: a\n"))
    #expect(one != written("mllp: {host: a, port: 1}\nretry: {first: 2s}\n"))
    #expect(written("a: {b: c}\nd: e\n") != written("a: {b: c, d: e}\n"))
  }
}
