import Glibc

/// The folders of a file source, open.
struct FileIntakeFolders {
  let directory: Folder
  /// Where files go that were taken; `nil` where they stay or are deleted.
  let done: Folder?
  /// Where files go that failed; `nil` where they stay.
  let failed: Folder?

  /// Opens them, makes those that files go to where they are missing, and sees that a file can be moved there.
  init(_ plan: FileSourcePlan, failpoint: FileFailpoint?) throws(FileSourceFault) {
    do throws(FileFault) {
      directory = try Folder.open(plan.directory, failpoint: failpoint)
    } catch {
      throw FileSourceFault(path: plan.directory, reason: error.description)
    }
    done = try Self.target(plan.donePath, beside: directory, failpoint)
    failed = try Self.target(plan.failedPath, beside: directory, failpoint)
  }

  private static func target(
    _ path: String?, beside directory: Folder, _ failpoint: FileFailpoint?
  ) throws(FileSourceFault) -> Folder? {
    guard let path else { return nil }
    guard mkdir(path, 0o770) == 0 || errno == EEXIST else {
      throw FileSourceFault(path: path, reason: FileFault(.makeFolder, errno).description)
    }
    let folder: Folder
    do throws(FileFault) {
      folder = try Folder.open(path, failpoint: failpoint)
    } catch {
      throw FileSourceFault(path: path, reason: error.description)
    }
    if folder.facts.isSameFile(as: directory.facts) {
      throw FileSourceFault(path: path, reason: "it is the folder that files are taken from; they would be taken again")
    }
    if folder.facts.device != directory.facts.device {
      throw FileSourceFault(
        path: path, reason: "it is on another file system, and files can't be moved there in one step")
    }
    return folder
  }

  /// Whether something found in the folder is where its files go.
  func isOwn(_ facts: FileFacts) -> Bool {
    done?.facts.isSameFile(as: facts) == true || failed?.facts.isSameFile(as: facts) == true
  }
}
