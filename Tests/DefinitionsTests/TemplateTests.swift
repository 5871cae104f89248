import ConnectorKit
@testable import Definitions
import Hilt
import Messages
import Testing

@Suite struct TemplateTests {
  static let template = """
    parameters:
      port: port
      facility: {type: text, about: "The lab's code."}
      host: {type: text, default: ehr.hospital.example}
      timeout: {type: duration, required: no}
      processing: {type: [P, T], default: P}
    about: "Results of ${facility}."
    source:
      mllp: {port: "${port}"}
    transform: {file: ../../Transforms/lab.hilt, with: {facility: "${facility}", processing: "${processing}"}}
    destinations:
      ehr:
        mllp: {host: "${host}", port: 6661, timeout: "${timeout}"}
      archive:
        when: 'MSH-4 == "${facility}"'
        file: {directory: "../../out/${channel}", name: "{MSH-10}-${facility}.hl7"}
    columns: {mrn: "PID-3[1].1"}
    """

  static let transform = """
    transform lab
      in    hl7 2.3..2.6 ORU_*
      out   hl7 2.5.1
      param facility: text
      param processing: text = "P"

    let out = copy msg
    out.MSH-3 = HD { 1: facility }
    out.MSH-11.1 = processing
    emit out
    """

  static func files(_ more: [String: String], template: String = template) -> [String: String] {
    ["Channels/templates/lab.yaml": template, "Transforms/lab.hilt": transform, "Channels/notes.txt": ""]
      .merging(more) { _, other in other }
  }

  private func load(_ more: [String: String], template: String = template) -> LoadedChannels {
    loadFolder(Self.files(more, template: template))
  }

  private func seven(_ with: String, _ more: String = "") -> [String: String] {
    ["Channels/lab-7.yaml": "channel: lab-7\ntemplate: templates/lab.yaml\nwith: {\(with)}\n\(more)"]
  }

  private func table(_ rows: String, _ more: String = "") -> [String: String] {
    [
      "Channels/labs.yaml": "template: templates/lab.yaml\ninstances: labs.csv\n\(more)",
      "Channels/labs.csv": rows,
    ]
  }

  // MARK: What is made

  @Test func `a channel is the template with its values`() throws {
    let loaded = load(seven("port: 2607, facility: LAB7, timeout: 12s"))
    #expect(loaded.rendered() == "")
    let channel = try #require(loaded.definitions.first)
    #expect(channel.name.text == "lab-7")
    #expect(channel.about == "Results of LAB7.")
    #expect(channel.source.listens?.port == 2607)
    #expect(channel.transform?.parameters == ["facility": "LAB7", "processing": "P"])
    let options = try #require(channel.destinations[0].connector.options as? TestMLLPDestination.Options)
    #expect(options.host == "ehr.hospital.example")
    #expect(options.timeout == .seconds(12))
  }

  @Test func `a setting that is a parameter which was not given is left out with it`() throws {
    let loaded = load(seven("port: 2607, facility: LAB7"))
    let options = loaded.definitions.first?.destinations[0].connector.options as? TestMLLPDestination.Options
    #expect(options?.timeout == TestMLLPDestination.Options().timeout)
  }

  @Test func `each row of a table is a channel, and an empty cell gives nothing`() throws {
    let loaded = load(table("channel,port,facility,host\nlab-1,2601,LAB1,10.0.0.1\nlab-2,2602,LAB2,\n"))
    #expect(loaded.rendered() == "")
    #expect(loaded.definitions.map(\.name.text) == ["lab-1", "lab-2"])
    #expect(loaded.definitions.map { $0.source.listens?.port } == [2601, 2602])
    let hosts = loaded.definitions.map { ($0.destinations[0].connector.options as? TestMLLPDestination.Options)?.host }
    #expect(hosts == ["10.0.0.1", "ehr.hospital.example"])
  }

  @Test func `what stands beside the template is laid over it`() throws {
    let more = """
      about: The seventh.
      contact: {partner: Lab desk}
      columns: {event: MSH-9.2}
      destinations:
        ehr: {mllp: {port: 7777}, retry: {first: 9s}}
        third: {mllp: {host: third.example, port: 1}}
      """
    let loaded = load(seven("port: 2607, facility: LAB7", more))
    #expect(loaded.rendered() == "")
    let channel = try #require(loaded.definitions.first)
    #expect(channel.about == "The seventh.")
    #expect(channel.contact?.partner == "Lab desk")
    #expect(channel.columns.map(\.name) == ["mrn", "event"])
    #expect(channel.destinations.map(\.name) == ["ehr", "archive", "third"])
    let ehr = try #require(channel.destinations[0].connector.options as? TestMLLPDestination.Options)
    #expect(ehr.port.number == 7777 && ehr.host == "ehr.hospital.example")
    #expect(channel.destinations[0].retry.first == .seconds(9))
  }

  @Test func `values common to all rows stand under with, and a cell comes before them`() {
    let loaded = load(table("channel,port,host\na,1,\nb,2,h2\n", "with: {facility: F, host: h1}"))
    let hosts = loaded.definitions.map { ($0.destinations[0].connector.options as? TestMLLPDestination.Options)?.host }
    #expect(hosts == ["h1", "h2"], "\(loaded.rendered())")
  }

  @Test(arguments: ["x: y", "a # b", "- a", "{a: b}", "line\nbreak: yes", "'", "&a", "*a", "!!int", "${HOME}", "a\"b"])
  func `a value is never read as YAML again`(value: String) throws {
    let quoted = "\"" + value.replacing("\"", with: "\"\"") + "\""
    let template = """
      parameters: {text: text}
      about: "${text}"
      source: {mllp: {port: 1}}
      contact: {partner: "before ${text} behind"}
      destinations: {ehr: {mllp: {host: h, port: 1}}}
      """
    let files = [
      "Channels/templates/t.yaml": template,
      "Channels/a.yaml": "template: templates/t.yaml\ninstances: a.csv\n",
      "Channels/a.csv": "channel,text\na,\(quoted)\n",
    ]
    let loaded = loadFolder(files) { _ in "from outside" }
    if value.contains("${") {
      #expect(loaded.problems.map { "\($0.code) \($0.place)" } == ["C162 Channels/a.csv:2:3"])
    } else {
      #expect(loaded.rendered() == "")
      #expect(loaded.definitions.first?.about == value)
      #expect(loaded.definitions.first?.contact?.partner == "before \(value) behind")
    }
  }

  @Test func `paths are relative to the file that names them`() throws {
    let template = """
      parameters:
        transform: {type: path, default: ../../Transforms/lab.hilt}
        folder: {type: path, default: ../../out}
      source: {mllp: {port: 1}}
      transform: {file: "${transform}", with: {facility: F}}
      destinations:
        whole: {file: {directory: "${folder}", name: x}}
        part: {file: {directory: "${folder}/${channel}", name: x}}
      """
    let files = Self.files(
      [
        "Channels/a.yaml": "channel: a\ntemplate: templates/lab.yaml\n",
        "Channels/b.yaml":
          "channel: b\ntemplate: templates/lab.yaml\nwith: {transform: ../Transforms/lab.hilt, folder: ../own}\n"
          + "source: {mllp: {port: 2}}",
      ], template: template)
    let loaded = loadFolder(files)
    #expect(loaded.rendered() == "")
    let folders = loaded.definitions.map { channel in
      channel.destinations.compactMap { ($0.connector.options as? TestFileDestination.Options)?.directory.path }
    }
    #expect(folders.count == 2)
    #expect(folders.first == ["/site/Channels/templates/../../out", "/site/Channels/templates/../../out/a"])
    #expect(folders.last == ["/site/Channels/../own", "/site/Channels/templates/../../own/b"])
  }

  // MARK: Names

  @Test func `a name with small letters is never a variable of the process, and one in capitals always is`() {
    let template = """
      parameters: {}
      about: "${home} ${HOME}"
      source: {mllp: {port: 1}}
      destinations: {ehr: {mllp: {host: h, port: 1}}}
      """
    let files = ["Channels/templates/t.yaml": template, "Channels/a.yaml": "channel: a\ntemplate: templates/t.yaml\n"]
    let loaded = loadFolder(files) { ["home": "wrong", "HOME": "right"][$0] }
    #expect(loaded.problems.map { "\($0.code) \($0.place)" } == ["C160 Channels/templates/t.yaml:2:9"])
    let mended = files.mapValues { $0.replacing("${home} ", with: "") }
    #expect(loadFolder(mended) { ["HOME": "right"][$0] }.definitions.first?.about == "right")
  }

  // MARK: Problems

  @Test func `what is wrong with a value is shown where it was given, all of it at once`() {
    let rows = """
      channel,port,facility,host
      lab-1,26o1,LAB1,
      lab-2,2602,,
      Lab 3,2603,LAB3,
      lab-4,2602,LAB4,
      lab-4,2605,LAB5,
      lab-6,2606,"LA""B",
      """
    let loaded = load(table(rows))
    #expect(
      loaded.problems.map { "\($0.place) \($0.code)" } == [
        "Channels/labs.csv:2:7 C103", "Channels/labs.csv:3:12 C161", "Channels/labs.csv:4:1 C124",
        "Channels/labs.csv:6:1 C126", "Channels/labs.csv:7:12 C163",
      ], "\(loaded.rendered())")
    #expect(loaded.definitions.map(\.name.text) == ["lab-4"])
    #expect(loaded.files.compactMap { $0.name?.text }.count == 6)
  }

  @Test func `two rows with one port are reported as two files are, and say what the value is for`() {
    let loaded = load(table("channel,port,facility\na,2601,A\nb,2601,B\n"))
    #expect(
      loaded.rendered() == """
        Channels/labs.csv:3:3: error C127: port 2601 of 127.0.0.1 is taken by the channel of Channels/labs.csv:2
          3 | b,2601,B
            |   ^^^^
          help: give one of them another port
          note: stands in Channels/templates/lab.yaml:9:16

        """)
  }

  @Test func `a mistake of the template is shown once, with who uses it`() {
    let wrong = Self.template.replacing("timeout: \"${timeout}\"", with: "timeuot: \"${timeout}\"")
      .replacing("out.MSH-3", with: "ot.MSH-3")
    let rows = "channel,port,facility\n" + (1...20).map { "lab-\($0),\(2600 + $0),LAB\($0)\n" }.joined()
    let loaded = load(table(rows), template: wrong)
    #expect(
      loaded.rendered()
        == """
        Channels/templates/lab.yaml:13:50: error C101: there is no setting `timeuot` here
          13 |     mllp: {host: "${host}", port: 6661, timeuot: "${timeout}"}
             |                                         ^^^^^^^ did you mean `timeout`?
          help: known here: `host`, `port`, `timeout`

        """.replacing("13:50", with: "13:41"))
    #expect(loaded.definitions.count == 20)
    let bad = load(table(rows, "about: x"), template: Self.template.replacing("port: 6661", with: "port: 66610"))
    let users = (2...4).map { "Channels/labs.csv:\($0)" }.joined(separator: ", ")
    #expect(bad.problems.map(\.notes) == [["used by \(users) and 17 more"]])
    #expect(bad.definitions.isEmpty)
  }

  @Test func `a template is checked though nothing is made from it`() {
    let loaded = load([:], template: Self.template.replacing("columns:", with: "colums:"))
    #expect(loaded.problems.map { "\($0.place) \($0.code)" } == ["Channels/templates/lab.yaml:17:1 C101"])
    #expect(load([:]).rendered() == "")
    #expect(load([:]).definitions.isEmpty && load([:]).templateCount == 1)
  }

  @Test func `what a template and its use can't say is refused`() {
    let template = load([:], template: "parameters: {Port: port, channel: text, x: {type: prot}}\nchannel: a\n")
    #expect(Set(template.problems.map(\.code)).isSuperset(of: ["C124", "C160", "C104"]), "\(template.rendered())")
    let uses = loadFolder([
      "Channels/a.yaml": "channel: a\nwith: {x: 1}\n", "Channels/b.yaml": "channel: b\ntemplate: templates/no.yaml\n",
      "Channels/c.yaml": "template: templates/lab.yaml\nwith: {port: 1, facility: F}\n",
      "Channels/d.yaml": "template: templates/lab.yaml\ninstances: no.csv\n",
      "Channels/templates/lab.yaml": Self.template, "Transforms/lab.hilt": Self.transform,
    ])
    #expect(
      uses.problems.map { "\($0.place) \($0.code)" } == [
        "Channels/a.yaml:2:1 C161", "Channels/b.yaml:2:11 C123", "Channels/c.yaml:1:1 C102",
        "Channels/d.yaml:2:12 C123",
      ], "\(uses.rendered())")
  }

  @Test func `a misspelt parameter or column is reported once, and is not missing as well`() {
    let with = load(seven("prot: 2607, facility: LAB7"))
    #expect(with.problems.map { "\($0.place) \($0.code)" } == ["Channels/lab-7.yaml:3:8 C161"])
    let column = load(table("channel,prot,facility\na,1,A\nb,2,B\n"))
    #expect(column.problems.map { "\($0.place) \($0.code)" } == ["Channels/labs.csv:1:9 C161"])
    let none = load(table("channel,facility\na,A\nb,B\n"))
    #expect(none.problems.map { "\($0.place) \($0.code)" } == ["Channels/labs.csv:1:1 C161"])
  }

  @Test func `a bad row never stops the good ones`() {
    let loaded = load(table("channel,port,facility\na,1,A\nb,2\n,3,C\nd,4,D\n"))
    #expect(loaded.definitions.map(\.name.text) == ["a", "d"])
    let places = loaded.problems.map { "\($0.place) \($0.code)" }
    #expect(places == ["Channels/labs.csv:3:3 C162", "Channels/labs.csv:4:1 C162"])
  }

  @Test func `a table of 10 MB or of 100000 rows is refused whole`() {
    let row = "lab-00000,2601,LAB\n"
    let many = load(table("channel,port,facility\n" + String(repeating: "a,1,b\n", count: 100_000)))
    #expect(many.problems.map(\.code) == ["C115"])
    #expect(many.rendered().contains("100000 rows"))
    let large = load(table("channel,port,facility\n" + String(repeating: row, count: 10_000_000 / row.utf8.count)))
    #expect(large.problems.map(\.code) == ["C115"])
    #expect(large.rendered().utf8.count < 1000)
  }

  @Test func `a secret in a table is refused and not repeated`() {
    let template = """
      parameters: {key: text}
      source: {mllp: {port: 1, tls: {certificate: c.pem, key: "${key}"}}}
      destinations: {ehr: {mllp: {host: h, port: 1}}}
      """
    let loaded = loadFolder([
      "Channels/templates/t.yaml": template, "Channels/a.yaml": "template: templates/t.yaml\ninstances: a.csv\n",
      "Channels/a.csv": "channel,key\na,hunter2\n",
    ])
    #expect(loaded.problems.map(\.code) == ["C105"], "\(loaded.rendered())")
    #expect(!loaded.rendered().contains("hunter2"))
  }

  // MARK: Revisions

  @Test func `another row changes the revision of its channel alone`() throws {
    let rows = "channel,port,facility\na,1,A\nb,2,B\nc,3,C\n"
    let before = load(table(rows)).definitions.map(\.revision)
    let after = load(table(rows.replacing("2,B", with: "22,B"))).definitions.map(\.revision)
    #expect(zip(before, after).map { $0 == $1 } == [true, false, true])
    let moved = load(table("facility,channel,port,host\nC,c,3,\nA,a,1,\n")).definitions.map(\.revision)
    #expect(moved == [before[2], before[0]])
    let template = Self.template.replacing("Results", with: "Values")
    let all = load(table(rows), template: template).definitions.map(\.revision)
    #expect(zip(before, all).allSatisfy { $0 != $1 })
    #expect(
      before[1].files.map(\.path)
        == ["labs.yaml", "../Transforms/lab.hilt", "labs.csv", "templates/lab.yaml"])
    #expect(String(decoding: before[1].files[2].bytes, as: UTF8.self) == "channel,facility,port\nb,B,2\n")
  }

  @Test(arguments: ["B, # x", "B,\u{301}x", "B\"\"\u{301}x", "\"\"B"])
  func `a channel of a table is made again from what its revision holds`(value: String) throws {
    let kept = try #require(load(table("channel,port,facility\na,1,A\nb,2,\"\(value)\"\n")).definitions.last)
    let loader = ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: [:]))
    let again = loader.load(kept.revision.files, channelFile: "labs.yaml", folder: "Channels")
    #expect(again.definitions.map(\.revision) == [kept.revision], "\(again.rendered())")
    #expect(again.definitions.first?.about == kept.about)
  }

  @Test func `what a spreadsheet leaves around a table is passed over, and its other separators are named`() {
    let loaded = load(table("channel,port,facility,,\r\na,1,A,,\r\n,,,,\r\nb,2,B,,\r\n,,,,\r\n"))
    #expect(loaded.definitions.map(\.name.text) == ["a", "b"], "\(loaded.rendered())")
    let stray = load(table("channel,port,facility,\na,1,A,x\n"))
    #expect(
      stray.rendered().contains("Channels/labs.csv:2:7: error C162: this value stands in a column that has no name"))
    for (mark, name) in [(";", "`;`"), ("\t", "tabs")] {
      let other = load(
        table(["channel,port,facility", "a,1,A"].joined(separator: "\n").replacing(",", with: mark) + "\n"))
      #expect(
        other.rendered().contains(
          "Channels/labs.csv:1:1: error C162: the fields of this table are parted by \(name), and commas are read"))
    }
  }

  @Test func `a table or a template that is written while channels are read is noticed`() {
    for path in ["Channels/labs.csv", "Channels/templates/lab.yaml"] {
      let files = Self.files(table("channel,port,facility\na,1,A\n"))
      let loaded = loadFolder(files)
      #expect(ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: files)).changedSince(loaded) == nil)
      var later = files
      later[path, default: ""] += "\n"
      let changed = ChannelLoader(registry: testRegistry, files: MemoryFiles(texts: later)).changedSince(loaded)
      #expect(changed == path)
    }
  }
}
