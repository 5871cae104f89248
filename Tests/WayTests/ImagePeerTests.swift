import DICOM
import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  /// Images from others' programs through the engine to others' programs. Skipped where those aren't there.
  @Suite struct `Images of others` {
    private static let scripts = Project.root + "/Tests/WayTests/Peers"
    private static let python = Tools.dicom
    /// One of each way of writing.
    private static let names = [
      "CT_small.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm", "image_dfl.dcm", "rtplan.dcm", "MR_small_RLE.dcm",
    ]

    /// The engine between whoever sends and a receiver of another house.
    private static func engine(
      _ peers: DICOMPeers, to receiver: Int, source: String = "", destination: String = "", lane: String = ""
    ) async throws -> Int {
      let port = try peers.project.port()
      try peers.project.write(
        "Channels/images.yaml",
        """
        channel: images
        source:
          dicom: {port: \(port)\(source)}
        destinations:
          pacs:
            dicom: {host: 127.0.0.1, port: \(receiver), ae-title: PACS, timeout: 20s\(destination)}
            \(lane)

        """)
      try await peers.project.start()
      return port
    }

    @Test(.enabled(if: Tools.hasDCMTK, "DCMTK or pydicom is not installed"))
    func `every file that a sender gets rid of comes to the archive as it stands there`() async throws {
      let peers = try DICOMPeers()
      let (archive, _) = try await peers.storescp(["+B", "+xa", "+uf"])
      let port = try await Self.engine(peers, to: archive, lane: "window: 8")
      let sent = try await peers.send(port, DICOMPeers.files + ["--connections", "3", "--verbose"])
      let taken = DICOMPeers.files.filter { path in
        sent.output.split(separator: "\n").contains { $0.contains("  \(path)  ") && $0.hasSuffix("0000H, success") }
      }
      #expect(taken.count > 65, "\(sent)")
      try await peers.project.drained(within: 60)
      #expect(try await peers.project.dead().isEmpty)
      let got = try peers.dataSets(in: "peer")
      for path in taken { #expect(got[try DICOMPeers.dataSet(path)] != nil, "\(path) arrived as something else") }
      let wanted = try Set(taken.map { try DICOMPeers.dataSet($0) })
      #expect(Set(got.keys) == wanted && got.values.allSatisfy { $0 == 1 })
    }

    @Test(.enabled(if: Tools.hasDCMTK, "DCMTK or pydicom is not installed"))
    func `what dcmsend sends comes to the archive as it does without an engine in between`() async throws {
      let peers = try DICOMPeers()
      let (archive, _) = try await peers.storescp(["+B", "+xa", "+uf"])
      let port = try await Self.engine(peers, to: archive, lane: "window: 8")
      let sent = try await peers.project.run(
        ["env", "TCP_NODELAY=1", "dcmsend", "-v", "-nh", "-dn", "-aec", "PACS", "127.0.0.1", "\(port)"]
          + DICOMPeers.files)
      try await peers.project.drained(within: 60)
      let (direct, _) = try await peers.storescp(["+B", "+xa", "+uf"], into: "direct")
      _ = try await peers.project.run(
        ["env", "TCP_NODELAY=1", "dcmsend", "-nh", "-dn", "127.0.0.1", "\(direct)"] + DICOMPeers.files)
      let (ours, theirs) = (
        Set(try peers.dataSets(in: "peer").keys), Set(try peers.dataSets(in: "direct").keys)
      )
      #expect(ours.isSubset(of: theirs))
      // Of two files it names a SOP class that is none: those are refused, which an archive need not do.
      #expect(ours.count > 50 && theirs.count - ours.count <= 2, "\(theirs.count), \(ours.count), \(sent)")
    }

    @Test(.enabled(if: python != nil, "pynetdicom is not installed"), arguments: [false, true])
    func `what pynetdicom sends, in clear or with TLS, is sent on as it came`(isTLS: Bool) async throws {
      let peers = try DICOMPeers()
      let python = try #require(Self.python)
      let (receiver, _) = try await peers.receive(["--into", "ours"])
      var source = ""
      var words = [python]
      if isTLS {
        let authority = try await Authority("house", in: peers.project)
        for name in ["hub", "ct1"] { try await authority.issue(name) }
        source = ", tls: {certificate: ../tls/hub.pem, key: {file: ../tls/hub.key}, clients: ../tls/house.pem}"
        let (certificate, key) = (peers.project.path("tls/ct1.pem"), peers.project.path("tls/ct1.key"))
        words = ["env", "CA=\(authority.path)", "CERTIFICATE=\(certificate)", "KEY=\(key)", python]
      }
      let port = try await Self.engine(peers, to: receiver, source: source)
      let files = try Self.names.map(DICOMPeers.file)
      let sent = try await peers.project.run(words + [Self.scripts + "/dicom_send.py", "\(port)", "store"] + files)
      #expect(
        sent.output.split(separator: "\n").filter { $0 == "store 0000" }.count == files.count, "\(sent)")
      try await peers.project.drained()
      // What it sends isn't all as it stands in the file: it deflates anew.
      let (direct, _) = try await peers.receive(["--into", "direct"])
      let other = try await peers.project.run(
        [python, Self.scripts + "/dicom_send.py", "\(direct)", "store"] + files)
      #expect(other.status == 0, "\(other)")
      #expect(try peers.dataSets(in: "ours") == peers.dataSets(in: "direct"))
    }

    @Test(.enabled(if: python != nil, "pynetdicom is not installed"), arguments: ["same", "back"])
    func `pynetdicom commits itself to what it gets, and says so on this association or on its own`(
      way: String
    )
      async throws
    {
      let peers = try DICOMPeers()
      let python = try #require(Self.python)
      let archive = try peers.project.port()
      let from = way == "same" ? "" : "from: images"
      let port = try await Self.engine(
        peers, to: archive, destination: ", commitment: {\(from)}", lane: "window: 10\n    retry: {first: 200ms}")
      let server = try peers.launch(
        [python, Self.scripts + "/dicom_commit.py", "\(archive)", way == "same" ? "same" : "\(port)"], "archive")
      try await DICOMPeers.until(server) { server.output.contains("listening") }
      let files = try Self.names.map(DICOMPeers.file)
      #expect(try await peers.send(port, files).status == 0)
      try await peers.project.drained()
      #expect(try await peers.project.dead().isEmpty)
      let first = try #require(try await peers.project.messages().last)
      #expect(try await peers.project.story(first.id).contains("0000H, success; committed"))
      let reports = server.output.split(separator: "\n").filter { $0.hasPrefix("report ") }
      #expect(!reports.isEmpty && reports.allSatisfy { $0 == "report 0000" }, "\(server.output)")
    }

    @Test(.enabled(if: python != nil, "pynetdicom is not installed"), arguments: [false, true])
    func `pynetdicom hears what the engine keeps, on this association or on its own`(isOwn: Bool) async throws {
      let peers = try DICOMPeers()
      let python = try #require(Self.python)
      let (receiver, _) = try await peers.receive()
      let back = try peers.project.port()
      let reporting = isOwn ? ", report-to: {host: 127.0.0.1, port: \(back)}" : ""
      let port = try await Self.engine(
        peers, to: receiver, source: ", commitment: yes, callers: [{ae-title: PYSCU\(reporting)}]")
      let sent = try await peers.project.run(
        [python, Self.scripts + "/dicom_send.py", "\(port)", isOwn ? "listen:\(back)" : "commit"]
          + (try Self.names.map(DICOMPeers.file)))
      let lines = sent.output.split(separator: "\n").map(String.init)
      #expect(lines.suffix(2) == ["action 0000", "report 2 1.2.3.4.5 \(Self.names.count) 0112"], "\(sent)")
    }

    @Test(.enabled(if: Tools.orthanc != nil && python != nil, "Orthanc or pydicom is not installed"))
    func `Orthanc commits itself on an association that it makes to the channel`() async throws {
      let peers = try DICOMPeers()
      // The port must be known to either before the other is there.
      let archive = try peers.project.port()
      let port = try await Self.engine(
        peers, to: archive, source: ", ae-title: HILUM, callers: [PACS, CT1]",
        destination: ", commitment: {from: images}", lane: "window: 10\n    retry: {first: 200ms, factor: 1}")
      let (_, own) = try await peers.orthanc("HILUM", port)
      let file = String(decoding: peers.project.read("Channels/images.yaml"), as: UTF8.self)
      try peers.project.write("Channels/images.yaml", file.replacing("port: \(archive)", with: "port: \(own)"))
      #expect(try await peers.project.hilum("deploy").status == 0)
      let files = try Self.names.map(DICOMPeers.file)
      let sent = try await peers.project.run(
        [Project.binary, "send", "dicom://HILUM@127.0.0.1:\(port)", "--calling", "CT1"] + files)
      #expect(sent.status == 0, "\(sent)")
      try await peers.project.drained(within: 60)
      let dead = try await peers.project.dead()
      #expect(dead.isEmpty, "\(dead)")
      let first = try #require(try await peers.project.messages().last)
      #expect(try await peers.project.story(first.id).contains("0000H, success; committed"))
    }

    @Test(.enabled(if: Tools.orthanc != nil && python != nil, "Orthanc or pydicom is not installed"))
    func `Orthanc hears what the engine keeps, and that what a program drops is not kept`() async throws {
      let peers = try DICOMPeers()
      let python = try #require(Self.python)
      let (receiver, _) = try await peers.receive()
      // The port must be known to either before the other is there.
      let port = try peers.project.port()
      let (web, own) = try await peers.orthanc("HILUM", port)
      try peers.project.write(
        "Channels/images.yaml",
        """
        channel: images
        source:
          dicom:
            port: \(port)
            commitment: yes
            callers: [CT1, {ae-title: PACS, report-to: {host: 127.0.0.1, port: \(own)}}]
        transform: |
          transform named
          in dicom
          out dicom
          when Modality == "MR" => drop "no MR here"
          let out = copy msg
          emit out
        destinations:
          pacs:
            dicom: {host: 127.0.0.1, port: \(receiver), ae-title: PACS}

        """)
      try await peers.project.start()
      let files = try ["CT_small.dcm", "rtplan.dcm", "examples_overlay.dcm", "MR_small.dcm"].map(DICOMPeers.file)
      let stored = try await peers.project.run([Project.binary, "send", "dicom://PACS@127.0.0.1:\(own)"] + files)
      #expect(stored.status == 0, "\(stored)")
      let words = [python, Self.scripts + "/orthanc_commit.py", "\(web)"]
      let all = try await peers.project.run(words)
      // examples_overlay is an MR as well.
      #expect(all.output == "sent 4 0\nFailure 2 2\n", "\(all)")
      let ct = try await peers.project.run(
        words + ["1.2.840.10008.5.1.4.1.1.2=1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"])
      #expect(ct.output == "Success 1 0\n", "\(ct)")
    }

    @Test(.enabled(if: Tools.orthanc != nil && python != nil, "Orthanc or pydicom is not installed"))
    func `what Orthanc sends comes on with every element`() async throws {
      let peers = try DICOMPeers()
      let python = try #require(Self.python)
      let (receiver, _) = try await peers.receive(["--into", "ours"])
      let port = try await Self.engine(peers, to: receiver)
      let (web, own) = try await peers.orthanc("HILUM", port)
      let files = try ["CT_small.dcm", "JPEG2000.dcm", "MR_small_RLE.dcm", "rtplan.dcm", "examples_overlay.dcm"]
        .map(DICOMPeers.file)
      let stored = try await peers.project.run([Project.binary, "send", "dicom://PACS@127.0.0.1:\(own)"] + files)
      #expect(stored.status == 0, "\(stored)")
      let seen = try await peers.project.run(
        [python, Self.scripts + "/orthanc.py", "\(web)", peers.project.path("ours")] + files)
      #expect(seen.output.contains("sent \(files.count) 0"), "\(seen)")
      try await peers.project.drained()
      let again = try await peers.project.run(
        [python, Self.scripts + "/orthanc.py", "\(web)", peers.project.path("ours")] + files)
      #expect(again.output.split(separator: "\n").filter { $0 == "back True" }.count == files.count, "\(again)")
    }
  }
}
