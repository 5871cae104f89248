import Foundation
import HL7
import Hilt
import Messages
import Testing

@Suite("Transforms that ship")
struct ShippedTransformsTests {
  static let names: [String] = {
    let folder = Corpus.root.appending(path: "Transforms").path
    return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".hilt") }
      .sorted()
  }()

  @Test("Each compiles without a problem", arguments: names)
  func compiles(_ name: String) throws {
    let (program, problems) = try Corpus.transform(name)
    #expect(problems == [])
    #expect(program != nil)
  }

  @Test("adt-normalise takes all 101 messages of the simulated hospital and drops the document")
  func normalise() throws {
    let program = try #require(try Corpus.transform("adt-normalise.hilt").program)
    var routed = 0
    var dropped: [String] = []
    for message in try Corpus.simulatedHospital() {
      let result = program.run(HiltInput(message))
      switch result.decision {
      case .routed: routed += 1
      case .dropped(let reason): dropped.append(reason)
      default: Issue.record("\(result.decision)")
      }
      #expect(result.steps < 5_000)
    }
    #expect(routed == 100)
    #expect(dropped == ["documents are not used downstream"])
  }

  @Test("adt-normalise changes what it says, and nothing else")
  func changes() throws {
    let program = try #require(try Corpus.transform("adt-normalise.hilt").program)
    let message = try #require(try Corpus.simulatedHospital().first { $0.isAdmission })
    let result = program.run(HiltInput(message))
    let output = try #require(result.emitted.first)
    #expect(result.emitted.count == 1 && output.destinations == nil)
    guard case .bytes(let bytes) = output.content else {
      Issue.record("unchanged")
      return
    }
    let before = message.bytes.split(separator: 0x0D).map { String(decoding: $0, as: UTF8.self) }
    let after = bytes.split(separator: 0x0D).map { String(decoding: $0, as: UTF8.self) }
    let different = zip(before, after).filter { $0 != $1 }.map(\.1)
    #expect(before.count == after.count)
    #expect(
      different == [
        #"MSH|^~\&|HUB|SFAC|RAPP|RFAC|20200508130643||ADT^A01|5|T|2.3|||AL||44|ASCII"#,
        "PID|1||2590157853^^^SIMHOSP^MR~2478684691^^^NHS^NH||ESTERKIN^AKI Scenario 6^^^Miss^^L||19890118|F|||"
          + "170 Juice Place^^London^^RW21 6KC^GBR^HOME||020 5368 1665^HOME|||||||||R^Other - Chinese^^^||||||||",
        "PV1|1|I|REN1^MainRoom^Bed 1^SIMHOSP^^BED^Main Building^5|28b|||"
          + "C006^Woolfson^Kathleen^^^Dr^^^DRNBR^PRSNL^^^ORGDR|||MED|||||||||6145914547062969032^^^^visitid"
          + "||||||||||||||||||||||ARRIVED|||20200508130643||",
      ])
  }

  @Test("archive-header writes the receiver and leaves every other byte")
  func archive() throws {
    let program = try #require(try Corpus.transform("archive-header.hilt").program)
    for message in try Corpus.simulatedHospital() {
      let result = program.run(HiltInput(message))
      guard case .bytes(let bytes)? = result.emitted.first?.content else {
        Issue.record("unchanged")
        continue
      }
      let header = "MSH|^~\\&|SIMHOSP|SFAC|"
      let text = String(decoding: bytes, as: UTF8.self)
      #expect(text.hasPrefix(header + "ARCHIVE|ARCHIVE|"))
      #expect(
        text.dropFirst(header.count + 15) == String(decoding: message.bytes, as: UTF8.self).dropFirst(header.count + 9))
    }
  }

  @Test("The whole corpus goes through without a trap, whatever becomes of it")
  func corpus() throws {
    let messages = Corpus.allMessages()
    #expect(messages.count > 20)
    for name in Self.names {
      let program = try #require(try Corpus.transform(name).program)
      for message in messages {
        let result = program.run(HiltInput(message), tracing: true)
        #expect(result.steps > 0)
      }
    }
  }
}

extension HL7Message {
  fileprivate var isAdmission: Bool {
    (try? value(at: HL7Path("MSH", 1, HL7Position(9)))) == .text("ADT")
  }
}
