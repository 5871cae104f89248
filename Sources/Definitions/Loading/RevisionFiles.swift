import Messages
import Text

/// The files of an earlier revision, as they were kept: what stands on the disk now is not looked at.
struct RevisionFiles: DefinitionFiles {
  private let contents: [String: [UInt8]]

  /// - Parameter folder: where the channel file stood.
  init(_ files: [Revision.File], in folder: String) {
    contents = Dictionary(files.map { (RelativePath.joined(folder, $0.path), $0.bytes) }) { first, _ in first }
  }

  func read(_ path: String, bytesMax: Int) throws(FileReadingError) -> [UInt8] {
    guard let bytes = contents[RelativePath.normalized(path)] else { throw .missing }
    guard bytes.count <= bytesMax else { throw .tooLarge(bytesMax: bytesMax) }
    return bytes
  }

  func names(in folder: String) throws(FileReadingError) -> [String] { [] }

  var isComplete: Bool { false }

  // What connectors name (certificates, folders) is no part of a revision and stands where it stood.
  func absolute(_ path: String) -> String { DiskFiles().absolute(path) }
}

extension ChannelLoader {
  /// A channel of an earlier revision, from the files that were kept of it.
  ///
  /// - Parameters:
  ///   - files: by their paths relative to the folder.
  ///   - name: of the channel file among them.
  package func load(_ files: [Revision.File], channelFile name: String, folder: String) -> LoadedChannels {
    var loader = ChannelLoader(
      registry: registry, files: RevisionFiles(files, in: folder), environment: environment, keep: keep,
      limits: limits)
    loader.environmentName = environmentName
    let path = RelativePath.joined(folder, name)
    // What was made for another environment would be sent to the partners of this one.
    let others = files.map(\.path).filter { $0.hasPrefix("../\(EnvironmentFile.folder)/") }
    let own = environmentName.map { "../\(EnvironmentFile.folder)/\($0).yaml" }
    if let other = others.first(where: { $0 != own }) {
      let problem = Problem(
        "C164", "this revision was made with \(other), and the engine runs in another environment",
        at: Place(file: path, line: 1, column: 1))
      let file = LoadedChannels.File(path: path, name: nil, definition: nil, problems: [problem])
      return LoadedChannels(files: [file], problems: [problem], sources: [:])
    }
    return loader.load([path])
  }

  /// Whether the files of what was loaded are what is on the disk now: nobody wrote them while they were read.
  ///
  /// - Returns: the first that is another one; `nil` where all are the same.
  package func changedSince(_ loaded: LoadedChannels) -> String? {
    loaded.read.sorted { $0.key < $1.key }.first { path, bytes in
      (try? files.read(path, bytesMax: HiltCompiling.fileBytesMax)) != bytes
    }?.key
  }
}
