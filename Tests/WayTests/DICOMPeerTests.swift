import Foundation
import Testing

extension Ways {
  /// DICOM with another house: DCMTK. Skipped where its programs, or pydicom's files, aren't there.
  @Suite(.enabled(if: Tools.hasDCMTK, "DCMTK or pydicom is not installed"))
  struct `DICOM with DCMTK` {
    private static let success = "0000H, success"

    @Test func `every object leaves as it stands in its file, whatever it is encoded in`() async throws {
      let peers = try DICOMPeers()
      let (port, _) = try await peers.storescp(["+B", "+xa", "+uf"])
      let sent = try await peers.send(port, DICOMPeers.files + ["--connections", "2", "--verbose"])
      let taken = Self.files(in: sent.output, with: Self.success)
      // What has no SOP class, and a file that was cut, which DCMTK aborts for.
      #expect(taken.count >= DICOMPeers.files.count - 6 && taken.count > 65, "\(sent)")
      #expect(sent.status == 1 && sent.errors.contains("no_meta.dcm can't be sent"))
      let got = try peers.dataSets(in: "peer")
      for path in taken { #expect(got[try DICOMPeers.dataSet(path)] != nil, "\(path) arrived as something else") }
    }

    @Test func `what dcmsend sends is written and sent on bit for bit`() async throws {
      let peers = try DICOMPeers()
      let (first, receiver) = try await peers.receive(["--into", "ours"])
      let sent = try await peers.project.run(
        ["env", "TCP_NODELAY=1", "dcmsend", "-v", "-nh", "-dn", "-aec", "PACS", "127.0.0.1", "\(first)"]
          + DICOMPeers.files)
      let names = peers.project.names(in: "ours")
      #expect(names.count >= 65 && sent.errors.contains("with status SUCCESS  : \(names.count)"), "\(sent)")
      receiver.signal(SIGTERM)
      _ = await receiver.ending(within: 10)
      #expect(receiver.output.contains("\(names.count) objects"), "\(receiver.output.suffix(300))")

      let (port, _) = try await peers.storescp(["+B", "+xa", "+uf"])
      // The same to a receiver that is known to write what it gets.
      _ = try await peers.project.run(
        ["env", "TCP_NODELAY=1", "dcmsend", "-nh", "-dn", "127.0.0.1", "\(port)"] + DICOMPeers.files)
      let theirs = Set(try peers.dataSets(in: "peer").keys)
      let ours = Set(try peers.dataSets(in: "ours").keys)
      #expect(ours == theirs)

      let (last, _) = try await peers.storescp(["+B", "+xa", "+uf"], into: "again")
      let again = try await peers.send(last, names.map { peers.project.path("ours/\($0)") })
      #expect(again.status == 0, "\(again)")
      #expect(Set(try peers.dataSets(in: "again").keys) == ours)
    }

    @Test(arguments: ["4096", "16384", "131072"])
    func `PDUs of any length are agreed on`(length: String) async throws {
      let peers = try DICOMPeers()
      let path = try DICOMPeers.file("examples_overlay.dcm")
      let (port, _) = try await peers.storescp(["+B", "-pdu", length])
      let sent = try await peers.send(port, [path])
      #expect(sent.status == 0, "\(sent)")
      let (own, _) = try await peers.receive(["--into", "ours"])
      let stored = try await peers.dcmtk("storescu", "-pdu", length, "-aec", "PACS", "127.0.0.1", "\(own)", path)
      #expect(stored.status == 0, "\(stored)")
      #expect(try peers.dataSets(in: "peer").count == 1 && peers.dataSets(in: "ours").count == 1)
    }

    @Test func `C-ECHO goes both ways, and who isn't meant is told`() async throws {
      let peers = try DICOMPeers()
      let (port, _) = try await peers.storescp([])
      #expect(try await peers.send(port, ["--echo"]).output.contains(Self.success))
      let (own, receiver) = try await peers.receive(["--calling", "CT1"])
      #expect(try await peers.dcmtk("echoscu", "-aet", "CT1", "-aec", "PACS", "127.0.0.1", "\(own)").status == 0)
      let other = try await peers.dcmtk("echoscu", "-aet", "CT1", "-aec", "OTHER", "127.0.0.1", "\(own)")
      #expect(other.status != 0 && other.errors.contains("Called AE Title Not Recognized"), "\(other)")
      let stranger = try await peers.dcmtk("echoscu", "-aet", "CT2", "-aec", "PACS", "127.0.0.1", "\(own)")
      #expect(stranger.errors.contains("Calling AE Title Not Recognized"), "\(stranger)")
      receiver.signal(SIGTERM)
      _ = await receiver.ending(within: 10)
      #expect(receiver.output.contains("1 echoes"), "\(receiver.output)")
    }

    @Test(arguments: [
      ("A700", "Refused: OutOfResources"), ("C000", "Error: CannotUnderstand"), ("abort", "Abort"),
      ("abort-during", "Abort"), ("busy", "Local Limit Exceeded"), ("reject", "No Reason"),
    ])
    func `what the receiver is told to do, storescu sees`(answer: String, words: String) async throws {
      let peers = try DICOMPeers()
      let (port, _) = try await peers.receive(["--answer", answer])
      let path = try DICOMPeers.file("examples_overlay.dcm")
      let sent = try await peers.dcmtk("storescu", "-v", "-aec", "PACS", "127.0.0.1", "\(port)", path)
      #expect((sent.output + sent.errors).contains(words), "\(sent)")
    }

    @Test(arguments: [
      ("--refuse", "association refused"), ("--abort-after", "aborted by the peer"),
      ("--abort-during", "aborted by the peer"),
    ])
    func `what storescp does, the sender says`(option: String, words: String) async throws {
      let peers = try DICOMPeers()
      let (port, _) = try await peers.storescp([option])
      let path = try DICOMPeers.file("examples_overlay.dcm")
      let sent = try await peers.send(port, [path, path])
      #expect(sent.status == 1 && sent.output.contains("2 " + words), "\(sent)")
    }

    @Test func `a receiver that sleeps is waited for as long as was said`() async throws {
      let peers = try DICOMPeers()
      let (port, _) = try await peers.storescp(["--sleep-during", "2"])
      let path = try DICOMPeers.file("MR_small.dcm")
      let sent = try await peers.send(port, [path, "--timeout", "1"])
      #expect(sent.status == 1 && sent.output.contains("no answer in time"), "\(sent)")
      let patient = try await peers.send(port, [path, "--timeout", "30"])
      #expect(patient.status == 0, "\(patient)")
    }

    @Test func `with TLS both ways, where each trusts the other`() async throws {
      let peers = try DICOMPeers()
      let authority = try await Authority("house", in: peers.project)
      let stranger = try await Authority("stranger", in: peers.project)
      try await authority.issue("pacs")
      try await authority.issue("modality")
      try await stranger.issue("nobody")
      let files = { (name: String) in (peers.project.path("tls/\(name).key"), peers.project.path("tls/\(name).pem")) }
      let path = try DICOMPeers.file("CT_small.dcm")

      let (key, chain) = files("pacs")
      let (port, _) = try await peers.storescp(["+tls", key, chain, "+cf", authority.path])
      let (ownKey, own) = files("modality")
      let trusting = [path, "--trust", authority.path, "--certificate", own, "--key", ownKey]
      let sent = try await peers.send(port, trusting, scheme: "dicoms")
      #expect(sent.status == 0, "\(sent)")
      let distrusting = try await peers.send(
        port, [path, "--trust", stranger.path, "--certificate", own, "--key", ownKey], scheme: "dicoms")
      #expect(distrusting.status == 1, "\(distrusting)")

      let (secure, _) = try await peers.receive(
        ["--certificate", chain, "--key", key, "--trust", authority.path], scheme: "dicoms")
      let stored = try await peers.dcmtk(
        "storescu", "+tls", ownKey, own, "+cf", authority.path, "-aec", "PACS", "127.0.0.1", "\(secure)", path)
      #expect(stored.status == 0, "\(stored)")
      let (foreignKey, foreign) = files("nobody")
      let refused = try await peers.dcmtk(
        "storescu", "+tls", foreignKey, foreign, "+cf", authority.path, "-aec", "PACS", "127.0.0.1", "\(secure)", path)
      #expect(refused.status != 0, "\(refused)")
    }

    /// The files of which the sender has printed that.
    private static func files(in output: String, with words: String) -> [String] {
      output.split(separator: "\n").compactMap { line in
        guard line.hasSuffix(words) else { return nil }
        return DICOMPeers.files.first { line.contains("  \($0)  ") }
      }
    }
  }

  /// DICOM with pynetdicom. Skipped where that isn't installed.
  @Suite(.enabled(if: Tools.dicom != nil, "pynetdicom is not installed"))
  struct `DICOM with pynetdicom` {
    private static let scripts = Project.root + "/Tests/WayTests/Peers"

    private func files() throws -> [String] {
      try ["CT_small.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm", "image_dfl.dcm", "rtplan.dcm"]
        .map(DICOMPeers.file)
    }

    @Test(arguments: ["0000", "B007", "A900"])
    func `it takes what is sent, bit for bit, and its status is told`(status: String) async throws {
      let peers = try DICOMPeers()
      let python = try #require(Tools.dicom)
      try peers.project.makeFolder("peer")
      let port = try peers.project.port()
      let server = try peers.launch(
        [python, Self.scripts + "/dicom_receive.py", "\(port)", peers.project.path("peer"), status], "scp")
      try await DICOMPeers.until(server) { server.output.contains("listening") }
      let files = try files()
      let sent = try await peers.send(port, ["--echo"])
      #expect(sent.status == 0, "\(sent)")
      let stored = try await peers.send(port, files)
      #expect(stored.status == (status == "A900" ? 1 : 0), "\(stored)")
      #expect(stored.output.contains("\(files.count) \(status)H"), "\(stored)")
      for (number, path) in files.enumerated() {
        let got = peers.project.read("peer/00000\(number + 1)")
        #expect(Data(got) == (try DICOMPeers.dataSet(path)), "\(path)")
      }
    }

    @Test func `it sends, asks for storage commitment, and hears on the same association what is there`()
      async throws
    {
      let peers = try DICOMPeers()
      let python = try #require(Tools.dicom)
      let (port, _) = try await peers.receive(["--into", "ours", "--commit-after", "100"])
      let files = try files()
      let sent = try await peers.project.run([python, Self.scripts + "/dicom_send.py", "\(port)", "commit"] + files)
      let lines = sent.output.split(separator: "\n").map(String.init)
      #expect(lines.prefix(6) == ["echo 0000"] + files.map { _ in "store 0000" }[...], "\(sent)")
      #expect(lines.suffix(2) == ["action 0000", "report 2 1.2.3.4.5 5 0112"], "\(sent)")
      #expect(peers.project.names(in: "ours").count == files.count)
    }

    @Test func `it hears of storage commitment on an association that is made to it`() async throws {
      let peers = try DICOMPeers()
      let python = try #require(Tools.dicom)
      let back = try peers.project.port()
      let (port, _) = try await peers.receive(["--commit-to", "dicom://PYSCU@127.0.0.1:\(back)"])
      let sent = try await peers.project.run(
        [python, Self.scripts + "/dicom_send.py", "\(port)", "listen:\(back)"] + (try files()))
      #expect(sent.output.contains("report 2 1.2.3.4.5 5 0112"), "\(sent)")
    }
  }

  /// DICOM with a PACS: Orthanc. Skipped where that isn't installed.
  @Suite(.enabled(if: Tools.orthanc != nil && Tools.dicom != nil, "Orthanc or pydicom is not installed"))
  struct `DICOM with Orthanc` {
    @Test func `it keeps what is sent and sends it on, with every element`() async throws {
      let peers = try DICOMPeers()
      let python = try #require(Tools.dicom)
      let (own, _) = try await peers.receive(["--into", "ours"])
      let (web, port) = try await peers.orthanc("PACS", own)
      #expect(try await peers.send(port, ["--echo"]).status == 0)
      let files = try ["CT_small.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm", "rtplan.dcm", "examples_overlay.dcm"]
        .map(DICOMPeers.file)
      let sent = try await peers.send(port, files)
      #expect(sent.status == 0, "\(sent)")
      let seen = try await peers.project.run(
        [python, Project.root + "/Tests/WayTests/Peers/orthanc.py", "\(web)", peers.project.path("ours")] + files)
      let lines = seen.output.split(separator: "\n").map(String.init)
      #expect(lines.filter { $0 == "held True" }.count == files.count, "\(seen)")
      #expect(lines.contains("sent \(files.count) 0"), "\(seen)")
      #expect(lines.filter { $0 == "back True" }.count == files.count, "\(seen)")
    }
  }
}
