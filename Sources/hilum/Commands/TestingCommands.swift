import ArgumentParser
import Dispatch
import Foundation
import Glibc
import Partners

struct SendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send", abstract: "A test sender: sends messages from files and shows what was answered.",
    discussion: """
      A file may hold several messages; LF is sent as CR. Exits 1 where not everything was accepted.

      DICOM: each file is one object, sent by C-STORE as it stands there, in its own transfer syntax. In front of the \
      host stands the AE title that is called (ANY-SCP unless said), --calling is one's own.

      Examples:
        hilum send mllp://127.0.0.1:2575 samples/a01.hl7
        hilum send mllp://127.0.0.1:2575 samples/*.hl7 --count 1000 --fresh --connections 8
        hilum send mllps://hub.example:2576 a01.hl7 --trust ca.pem --certificate me.pem --key me.key
        hilum send dicom://PACS@127.0.0.1:11112 images/*.dcm --calling CT1
        hilum send dicom://PACS@127.0.0.1:11112 --echo
      """)
  @Argument(help: "mllp://HOST:PORT or dicom://AE@HOST:PORT; mllps:// or dicoms:// for TLS.") var url: String
  @Argument(help: "Files with messages, or of DICOM.") var files: [String] = []
  @Option(help: "How many messages, going round the files' messages; all once unless said.") var count: Int?
  @Option(help: "Messages a second, sent by schedule; as answers come unless said.") var rate: Double?
  @Option(help: "Connections.") var connections = 1
  @Option(help: "Messages that may wait for their answer on one connection.") var window = 1
  @Option(help: "Seconds to wait for an answer.") var timeout = 30
  @Flag(help: "Gives each message a new control id.") var fresh = false
  @Flag(name: .customLong("as-is"), help: "Each file is one message, byte for byte.") var asIs = false
  @Option(help: "Sends what was not answered again, for so many seconds.") var resend: Int?
  @Option(help: "TLS: a file of roots to trust.") var trust: String?
  @Option(help: "TLS: our certificate.") var certificate: String?
  @Option(help: "TLS: our key.") var key: String?
  @Flag(name: .customLong("any-certificate"), help: "TLS: takes any certificate.") var anyCertificate = false
  @Flag(help: "Shows every answer, and why a message was refused.") var verbose = false
  @Option(help: "DICOM: the AE title that the sender calls itself.") var calling: String?
  @Flag(help: "DICOM: asks by C-ECHO whether the partner is there.") var echo = false

  func run() async throws {
    let endpoint: PartnerEndpoint
    do {
      endpoint = try PartnerEndpoint(url: url)
    } catch {
      throw Failure("\(error)", code: 2)
    }
    guard echo || !files.isEmpty else { throw Failure("Say which files are to be sent.", code: 2) }
    if endpoint.language == .dicom { return try await sendDICOM(to: endpoint) }
    if echo || calling != nil { throw Failure("--echo and --calling are DICOM's.", code: 2) }
    let messages: [[UInt8]]
    var plan: SendPlan
    do {
      plan = SendPlan(endpoint)
      messages = try MessageFiles.read(files, asTheyAre: asIs)
    } catch {
      throw Failure("\(error)", code: 2)
    }
    plan.rate = rate
    plan.connections = max(1, connections)
    plan.window = max(1, window)
    plan.timeout = .seconds(timeout)
    plan.tls = PartnerTLS(certificate: identity(certificate, key), trust: trust, verifies: !anyCertificate)
    if fresh { plan.controlIDs = .fresh(prefix: "T\(UInt32.random(in: 0..<1 << 24))-") }
    if let resend { plan.resend = SendPlan.Resend(giveUpAfter: .seconds(resend)) }
    let report = try await MLLPSender(plan).send(messages, count: count)
    if verbose {
      for outcome in report.outcomes {
        let answer = outcome.code?.rawValue ?? outcome.failure?.rawValue ?? "not sent"
        let why = outcome.refusal.map { "  \(Terminal.safe($0.words))" } ?? ""
        Terminal.line("\(outcome.number + 1)  \(Terminal.safe(outcome.controlID))  \(answer)\(why)")
      }
    }
    Terminal.line(report.description)
    if !verbose, !report.refused.isEmpty { Terminal.line("--verbose shows what each answer said.") }
    if !report.isAllAccepted { throw ExitCode(1) }
  }
}

/// Our own certificate and key, where both are said.
func identity(_ certificate: String?, _ key: String?) -> (chain: String, key: String)? {
  guard let certificate, let key else { return nil }
  return (certificate, key)
}

struct ReceiveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "receive", abstract: "A test partner: takes messages and answers as it is told, until it is stopped.",
    discussion: """
      DICOM: takes C-ECHO, C-STORE of every SOP class and transfer syntax, and storage commitment, of which it reports \
      on the same association. With an AE title in front of the host, calls to others are refused.

      Examples:
        hilum receive mllp://127.0.0.1:6661
        hilum receive mllp://127.0.0.1:6661 --answer AE --delay 500
        hilum receive mllp://127.0.0.1:6661 --drop-every 10 --into received
        hilum receive mllp://127.0.0.1:6661 --reply response.hl7
        hilum receive mllp://127.0.0.1:6661 --answer CA --application-ack AA --application-ack-after 2000
        hilum receive mllp://127.0.0.1:6661 --answer CA --application-ack AE --application-ack-to mllp://127.0.0.1:6662
        hilum receive dicom://PACS@127.0.0.1:11112 --into received
        hilum receive dicom://127.0.0.1:11112 --answer A700 --delay 500
      """)
  @Argument(help: "mllp://HOST:PORT or dicom://AE@HOST:PORT; mllps:// or dicoms:// for TLS.") var url: String
  @Option(
    help: """
      What it answers: \(ReceiverBehaviour.words.joined(separator: ", ")); AA unless said. \
      DICOM: \(ReceiveCommand.dicomWords.joined(separator: ", ")); 0000 unless said.
      """)
  var answer: String?
  @Option(help: "A file with the message that it answers with, addressed to who asks.") var reply: String?
  @Option(help: "Milliseconds before it answers.") var delay = 0
  @Option(help: "Enhanced mode: what follows as application acknowledgement: AA, AE, AR.") var applicationAck: String?
  @Option(help: "Milliseconds from the first answer to the application acknowledgement.") var applicationAckAfter = 0
  @Option(help: "Where the application acknowledgement goes as a message of its own; without it, the same connection.")
  var applicationAckTo: String?
  @Option(help: "Closes the connection of every n-th message without an answer.") var dropEvery: Int?
  @Option(help: "A folder that each message is written to.") var into: String?
  @Flag(help: "DICOM: what is written is on disk before it is answered.") var sync = false
  @Option(help: "Appends what it got to this file, a line each: `hilum bench` and tests read it.") var history: String?
  @Option(help: "TLS: our certificate.") var certificate: String?
  @Option(help: "TLS: our key.") var key: String?
  @Option(help: "TLS: roots that clients' certificates are checked against.") var trust: String?
  @Flag(help: "Only the summary at the end.") var quiet = false
  @Option(help: "DICOM: AE titles that may call, with commas between; all unless said.") var calling: String?
  @Option(help: "DICOM: where storage commitment is reported, on an association of its own: dicom://AE@HOST:PORT.")
  var commitTo: String?
  @Option(help: "DICOM: milliseconds before storage commitment is reported.") var commitAfter = 0

  func run() async throws {
    let endpoint: PartnerEndpoint
    do {
      endpoint = try PartnerEndpoint(url: url)
    } catch {
      throw Failure("\(error)", code: 2)
    }
    if endpoint.language == .dicom { return try await receiveDICOM(on: endpoint) }
    if calling != nil || commitTo != nil || commitAfter != 0 {
      throw Failure("--calling, --commit-to and --commit-after are DICOM's.", code: 2)
    }
    guard var behaviour = ReceiverBehaviour(word: answer ?? "AA") else {
      throw Failure("--answer is one of \(ReceiverBehaviour.words.joined(separator: ", ")).", code: 2)
    }
    behaviour.delay = .milliseconds(delay)
    behaviour.application = try application()
    let told = behaviour
    let quiet = quiet
    let dropEvery = dropEvery
    do {
      let canned = try reply.map { try CannedResponse(path: $0) }
      var plan = ReceivePlan(endpoint) { reception in
        let again = reception.occurrence > 1 ? ", for the \(reception.occurrence). time" : ""
        if !quiet {
          Terminal.line(
            "\(reception.number + 1)  \(Terminal.safe(reception.controlID))  \(reception.byteCount) bytes\(again)")
        }
        if let dropEvery, dropEvery > 0, (reception.number + 1) % dropEvery == 0 {
          return ReceiverBehaviour(.none, closing: .beforeAnswer)
        }
        guard let canned else { return told }
        let frame = reception.bytes.flatMap { canned.frame(to: $0, number: reception.number + 1) }
        return ReceiverBehaviour(frame.map { .bytes($0) } ?? .none, delay: told.delay)
      }
      plan.keepsBytes = canned != nil
      plan.tls = PartnerTLS(certificate: identity(certificate, key), trust: trust)
      plan.folder = into
      plan.history = try history.map { try HistoryLog(path: $0) }
      if let into { try FileManager.default.createDirectory(atPath: into, withIntermediateDirectories: true) }
      let receiver = MLLPReceiver(plan)
      try await receiver.start()
      Terminal.line("hilum receives on \(receiver.endpoint)")
      await untilInterrupted()
      let count = receiver.receptions.count
      let distinct = Set(receiver.receptions.map(\.controlID)).count
      await receiver.stop()
      Terminal.line("\(count) messages, \(distinct) control ids, \(receiver.connectionCount) connections")
    } catch {
      throw Failure("\(error)")
    }
  }

  private func application() throws -> ReceiverBehaviour.Application? {
    guard let word = applicationAck else {
      if applicationAckTo == nil, applicationAckAfter == 0 { return nil }
      throw Failure("--application-ack says what follows: AA, AE or AR.", code: 2)
    }
    guard let code = AcknowledgementCode(rawValue: word.uppercased()), [.AA, .AE, .AR].contains(code) else {
      throw Failure("--application-ack is AA, AE or AR.", code: 2)
    }
    do {
      return ReceiverBehaviour.Application(
        code: code, after: .milliseconds(max(0, applicationAckAfter)),
        to: try applicationAckTo.map { text in
          let endpoint = try PartnerEndpoint(url: text)
          guard endpoint.language == .mllp else { throw PartnerError.badURL("it goes to an mllp:// address") }
          return endpoint
        })
    } catch {
      throw Failure("--application-ack-to: \(error)", code: 2)
    }
  }

  func untilInterrupted() async {
    let (signals, seen) = AsyncStream<Void>.makeStream()
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number)
      source.setEventHandler { seen.yield() }
      source.resume()
      return source
    }
    for await _ in signals { break }
    for source in sources { source.cancel() }
  }
}

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures the engine beside the least that any engine must do, in one run.",
    discussion: """
      The floor frames, takes MSH-10 and answers after a group-committed insert into SQLite (WAL, FULL). The engine does
      all of its work: sealing, duplicates, a column, a transform of ten changes, delivery to its partners; what its
      slowest partner acknowledged within the window counts. Use a release build and a quiet machine.

      Example:
        hilum bench --seconds 3 --pairs 5
        hilum bench --rate 1000 --seconds 20
        hilum bench --in-flight 8
        hilum bench --dead-partner --connections 8
        hilum bench --deploys --connections 8
        hilum bench --language
        hilum bench --images --pairs 3
      """)
  @Option(help: "Seconds of each measurement.") var seconds = 3
  @Option(help: "Pairs of floor and engine.") var pairs = 5
  @Option(help: "Connections, with commas between.") var connections = "1,8,32"
  @Option(help: "Windows of the destination, with commas between.") var windows = "8,1"
  @Option(help: "How many destinations, with commas between.") var destinations = "1"
  @Option(help: "Instead of windows: lanes by 1,000 keys and without order, with so many under way.") var inFlight: Int?
  @Flag(help: "Instead of windows: nine destinations, nine and a dead one, and ten.") var deadPartner =
    false
  @Option(help: "Where the data folders are made; on the disk that is to be measured.") var directory = "."
  @Option(help: "Instead: so many messages a second by schedule, and how long each takes to its partner.") var rate:
    Double?
  @Flag(help: "Instead: what reading, transforming and typing cost, on one core and without an engine.")
  var language = false
  @Flag(help: "Instead: what deployments under full load do to the answers of senders.") var deploys = false
  @Flag(help: "Instead: how many CT slices a second are taken over DICOM.") var images = false
  @Flag(help: "Print JSON.") var json = false
  @Option(help: .hidden) var floorIn: String?

  func run() async throws {
    if let floorIn { return try await FloorChild.run(directory: floorIn) }
    if language {
      return Terminal.line(try LanguageBench(seconds: Double(seconds) / 3, turns: pairs).run())
    }
    let directory = URL(fileURLWithPath: directory).path
    if images {
      // Unless said, as many associations as scanners have, and as a busy day has.
      let counts = connections == "1,8,32" ? [1, 8] : try numbers(connections)
      let bench = ImageBench(pairs: pairs, connections: counts, directory: directory)
      return Terminal.line(try await bench.run())
    }
    if deploys {
      for count in try numbers(connections) {
        Terminal.line(
          try await DeployBench(seconds: seconds, turns: pairs, connections: count, directory: directory).run())
      }
      return
    }
    if let rate {
      let load = SteadyLoad(rate: rate, seconds: seconds, directory: directory)
      // Beside the floor: what a slow disk did to both is not the engine's.
      Terminal.line(try await load.run(FloorSubject(arguments: ["bench", "--floor-in"])).description)
      return Terminal.line(try await load.run(EngineSubject(destinations: 1, window: 1)).description)
    }
    var plan = Bench.Plan(directory: directory)
    plan.connections = try numbers(connections)
    plan.pairs = pairs
    plan.window = .seconds(seconds)
    var subjects: [any BenchSubject] = []
    if let inFlight {
      subjects = [false, true].map { EngineSubject(orderBy: $0, inFlight: min(256, max(1, inFlight))) }
    } else if deadPartner {
      subjects = [
        EngineSubject(destinations: 9, window: 8), EngineSubject(destinations: 9, window: 8, hasDeadPartner: true),
        EngineSubject(destinations: 10, window: 8),
      ]
    } else {
      for count in try numbers(destinations) {
        for window in try numbers(windows) { subjects.append(EngineSubject(destinations: count, window: window)) }
      }
    }
    let json = json
    let report = try await Bench(plan).run(
      floor: FloorSubject(arguments: ["bench", "--floor-in"]), subjects: subjects
    ) { line in
      if !json { Terminal.line(line) }
    }
    Terminal.line(json ? report.json : "\n" + report.description)
  }

  private func numbers(_ text: String) throws -> [Int] {
    let numbers = text.split(separator: ",").compactMap { Int($0) }
    guard !numbers.isEmpty, numbers.allSatisfy({ $0 > 0 }) else {
      throw Failure("\(text) is not numbers with commas.", code: 2)
    }
    return numbers
  }
}
