import ConnectorKit
@testable import Definitions
import Messages
import Testing

@Suite struct EnvironmentTests {
  private let channel = """
    channel: adt
    source: {mllp: {port: 2575}}
    transform: {file: ../Transforms/lab.hilt, with: {facility: F, processing: "${PROCESSING:-P}"}}
    destinations:
      ehr: {mllp: {host: "${EHR_HOST}", port: 6661}}
    """

  private func files(_ environments: [String: String], _ more: [String: String] = [:]) -> [String: String] {
    var files = TemplateTests.files(["Channels/adt.yaml": channel].merging(more) { _, other in other })
    files["Channels/labs.yaml"] = "template: templates/lab.yaml\ninstances: labs.csv\n"
    files["Channels/labs.csv"] = "channel,port,facility\nlab-1,2601,A\nlab-2,2602,B\n"
    for (name, text) in environments { files["environments/\(name).yaml"] = text }
    return files
  }

  private func load(_ text: String, _ process: [String: String] = [:], channel: String? = nil) -> LoadedChannels {
    let more = channel.map { ["Channels/adt.yaml": $0] } ?? [:]
    return loadFolder(files(["test": text], more), environmentName: "test") { process[$0] }
  }

  private func options(_ loaded: LoadedChannels, _ name: String) -> TestMLLPDestination.Options? {
    loaded.definitions.first { $0.name.text == name }?.destinations.first?.connector.options
      as? TestMLLPDestination.Options
  }

  @Test func `its values come before the variables of the process, and may name those`() {
    let values = "values: {EHR_HOST: from-file}"
    #expect(options(load(values, ["EHR_HOST": "from-process"]), "adt")?.host == "from-file")
    #expect(options(load("values: {}", ["EHR_HOST": "from-process"]), "adt")?.host == "from-process")
    let both = "values: {EHR_HOST: \"${EHR_HOST:-from-file}\"}"
    #expect(options(load(both, ["EHR_HOST": "from-process"]), "adt")?.host == "from-process")
    #expect(options(load(both), "adt")?.host == "from-file")
  }

  @Test func `it changes settings of channels, and values of those that are made from a template`() {
    let loaded = load(
      """
      values: {EHR_HOST: h}
      channels:
        adt:
          source: {mllp: {port: 12575}}
          contact: {partner: Test desk}
          destinations:
            ehr: {mllp: {port: 16661, timeout: 3s}, retry: {first: 7s}}
        lab-2:
          with: {port: 12602}
          destinations: {ehr: {mllp: {host: "lab-${EHR_HOST}"}}}
      """)
    #expect(loaded.rendered() == "")
    #expect(loaded.definitions.map { $0.source.listens?.port } == [12575, 2601, 12602])
    #expect(loaded.definitions.first?.contact?.partner == "Test desk")
    #expect(options(loaded, "adt")?.port.number == 16661)
    #expect(options(loaded, "adt")?.timeout == .seconds(3))
    #expect(options(loaded, "lab-2")?.host == "lab-h")
    #expect(options(loaded, "lab-1")?.host == "ehr.hospital.example")
  }

  @Test func `what isn't there, and what is the same everywhere, is refused with what was meant`() {
    let loaded = load(
      """
      values: {EHR_HOST: h, EHR-PORT: 1}
      chanels: {}
      channels:
        adt:
          transform: x.hilt
          destinations: {her: {mllp: {port: 1}}, ehr: {when: "true", mllp: {prt: 1}}}
          with: {port: 1}
        lab-2: {with: {prot: 1}}
        lab-3: {source: {mllp: {port: 1}}}
      """)
    #expect(
      loaded.problems.map { "\($0.place.line):\($0.place.column) \($0.code)" }.sorted()
        == [
          "1:23 C164", "2:1 C101", "5:5 C164", "6:20 C164", "6:50 C164", "6:71 C101", "7:5 C164", "8:18 C161",
          "9:3 C164",
        ].sorted(), "\(loaded.rendered())")
    #expect(loaded.problems.allSatisfy { $0.place.file == "environments/test.yaml" })
    #expect(loaded.problems.compactMap(\.label).contains("did you mean `ehr`?"))
    #expect(loaded.definitions.isEmpty && loaded.hasBrokenEnvironment)
  }

  @Test func `what is done with messages is the same in every environment, at the source and at a destination`() {
    let loaded = load(
      """
      values: {EHR_HOST: h}
      channels:
        adt: {source: {split: record, prepare: x.hilt}, destinations: {ehr: {ask: "yes"}}}
      """)
    let found = loaded.problems.map { "\($0.place.line):\($0.place.column) \($0.code)" }
    #expect(found == ["3:18 C164", "3:33 C164", "3:72 C164"])
  }

  @Test func `a value that no channel uses is warned of, with the one that was meant`() {
    let loaded = load("values: {EHR_HOST: h, PROCESING: T}")
    #expect(loaded.problems.map { "\($0.place) \($0.code)" } == ["environments/test.yaml:1:23 C165"])
    #expect(loaded.problems.first?.label == "did you mean `PROCESSING`?" || loaded.problems.first?.label == nil)
    #expect(loaded.definitions.count == 3)
  }

  @Test func `an environment that isn't there starts nothing, and says which there are`() {
    let loaded = loadFolder(files(["test": "", "prod": ""]), environmentName: "prd") { $0 == "EHR_HOST" ? "h" : nil }
    #expect(loaded.problems.map(\.code) == ["C164"])
    #expect(loaded.problems.first?.label == "did you mean `prod`?")
    #expect(loaded.definitions.isEmpty && loaded.hasBrokenEnvironment)
    #expect(load("", ["EHR_HOST": "h"]).definitions.count == 3)
  }

  @Test func `a transform whose processing is not the environment's is refused`() {
    let wrong = load("processing: T\nvalues: {EHR_HOST: h}")
    #expect(Set(wrong.problems.map(\.code)) == ["C166"])
    #expect(
      wrong.problems.map { "\($0.place)" }.sorted() == [
        "Channels/adt.yaml:3:75", "Channels/templates/lab.yaml:6:39",
      ], "\(wrong.rendered())")
    let right = load(
      "processing: T\nvalues: {EHR_HOST: h, PROCESSING: T}\nchannels:\n  lab-1: {with: {processing: T}}\n")
    #expect(right.problems.count == 1 && right.definitions.map(\.name.text) == ["adt", "lab-1"], "\(right.rendered())")
    let silent = channel.replacing(", processing: \"${PROCESSING:-P}\"", with: "")
    let byDefault = load("processing: T\nvalues: {EHR_HOST: h}", channel: silent)
    #expect(byDefault.problems.contains { "\($0.place)" == "Channels/adt.yaml:3:19" }, "\(byDefault.rendered())")
  }

  @Test func `a secret is no value of an environment`() {
    let text = channel.replacing("{port: 2575}", with: "{port: 2575, tls: {certificate: c.pem, key: \"${KEY}\"}}")
    let loaded = load("values: {EHR_HOST: h, KEY: hunter2}", channel: text)
    #expect(loaded.problems.map(\.code) == ["C105"])
    #expect(!loaded.rendered().contains("hunter2"))
  }

  // MARK: Revisions

  @Test func `what the environment says of a channel is part of its revision, and of no other's`() throws {
    let base = "values: {EHR_HOST: h, PROCESSING: P}\nchannels:\n  lab-1: {with: {port: 12601}}\n"
    let before = load(base).definitions.map(\.revision)
    #expect(before.count == 3)
    let other = load(base.replacing("12601", with: "12602\n        , facility: X").replacing("X}", with: "X}"))
    #expect(zip(before, other.definitions.map(\.revision)).map { $0 == $1 } == [true, false, true])
    let host = load(base.replacing("EHR_HOST: h", with: "EHR_HOST: i")).definitions.map(\.revision)
    #expect(zip(before, host).map { $0 == $1 } == [false, true, true])
    let about = load("about: x\n# y\n" + base).definitions.map(\.revision)
    #expect(before == about)
  }

  @Test func `an earlier revision runs with what the environment said then, and in no other environment`() throws {
    let text = """
      values: {EHR_HOST: "a: b # \\"c\\" $${d}\\n"}
      channels: {adt: {contact: {partner: "x: ${EHR_HOST}"}, destinations: {ehr: {refused: {AE: 1}}}}}
      """
    let kept = try #require(load(text).definitions.first)
    var loader = ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: [:])) {
      $0 == "EHR_HOST" ? "another" : nil
    }
    loader.environmentName = "test"
    let again = loader.load(kept.revision.files, channelFile: "adt.yaml", folder: "Channels")
    #expect(again.definitions.map(\.revision) == [kept.revision], "\(again.rendered())")
    let options = again.definitions.first?.destinations.first?.connector.options as? TestMLLPDestination.Options
    #expect(options?.host == "a: b # \"c\" ${d}\n")
    #expect(again.definitions.first?.contact?.partner == "x: a: b # \"c\" ${d}\n")
    for name in ["prod", nil] {
      loader.environmentName = name
      let elsewhere = loader.load(kept.revision.files, channelFile: "adt.yaml", folder: "Channels")
      #expect(elsewhere.problems.map(\.code) == ["C164"] && elsewhere.definitions.isEmpty)
    }
  }

  @Test func `two environments are compared setting by setting, a list as one`() {
    let lists = ["[MSH-3, MSH-4]", "[MSH-3]"].map { by in
      let ordered = channel.replacing("port: 6661}", with: "port: 6661}, order: {by: \(by)}")
      return loadFolder(
        self.files(["test": "values: {EHR_HOST: t}"], ["Channels/adt.yaml": ordered]), environmentName: "test")
    }
    #expect(
      lists[0].differences(to: lists[1]).first?.settings == [
        .init(setting: "destinations.ehr.order.by", first: "[MSH-3, MSH-4]", second: "[MSH-3]")
      ])

    let files = files([
      "test": "values: {EHR_HOST: t}\nchannels: {lab-2: {with: {timeout: 3s}}}",
      "prod": "values: {EHR_HOST: p}",
    ])
    let differences = loadFolder(files, environmentName: "test").differences(
      to: loadFolder(files, environmentName: "prod"))
    #expect(differences.map(\.name) == ["adt", "lab-2"])
    #expect(
      differences.first?.settings.map { "\($0.setting) \($0.first ?? "-") \($0.second ?? "-")" } == [
        "destinations.ehr.mllp.host t p"
      ])
    #expect(
      differences.last?.settings.map { "\($0.setting) \($0.first ?? "-") \($0.second ?? "-")" } == [
        "destinations.ehr.mllp.timeout 3s -"
      ])
  }
}
