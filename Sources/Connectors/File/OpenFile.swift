import Glibc

/// An open file. Closed when nobody holds it any more.
final class OpenFile: Sendable {
  let descriptor: CInt
  private let name: FileName
  private let failpoint: FileFailpoint?

  init(descriptor: CInt, name: FileName, failpoint: FileFailpoint?) {
    self.descriptor = descriptor
    self.name = name
    self.failpoint = failpoint
  }

  deinit { close(descriptor) }

  func facts() throws(FileFault) -> FileFacts {
    try pass(.look)
    var facts = stat()
    guard fstat(descriptor, &facts) == 0 else { throw FileFault(.look, errno) }
    return FileFacts(facts)
  }

  /// Reads from the start to the end, and no further than a limit: a file that grows meanwhile can't fill the memory.
  func read(bytesMax: Int) throws(FileFault) -> [UInt8] {
    try pass(.read)
    var failure: CInt = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: max(0, bytesMax)) { buffer, count in
      while count < buffer.count {
        let part = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
        let got = pread(descriptor, part.baseAddress, part.count, off_t(count))
        if got > 0 { count += got }
        if got == 0 { return }
        if got < 0, errno != EINTR {
          failure = errno
          return
        }
      }
    }
    guard failure == 0 else { throw FileFault(.read, failure) }
    return bytes
  }

  /// Writes all of it.
  func write(_ bytes: [UInt8]) throws(FileFault) {
    try pass(.write)
    var failure: CInt = 0
    bytes.withUnsafeBytes { buffer in
      var written = 0
      while written < buffer.count, failure == 0 {
        let part = UnsafeRawBufferPointer(rebasing: buffer[written...])
        let put = Glibc.write(descriptor, part.baseAddress, part.count)
        if put > 0 { written += put } else if put == 0 { failure = ENOSPC } else if errno != EINTR { failure = errno }
      }
    }
    guard failure == 0 else { throw FileFault(.write, failure) }
  }

  /// Starts what `sync` waits for. Several files of which all were started are on disk in half the time.
  func beginSync() { LinuxCalls.beginWriting(descriptor) }

  /// Returns when the content and its size are on the disk. After an error nothing may be believed of it: the kernel
  /// drops what it could not write, and a second call would say that all is well.
  func sync() throws(FileFault) {
    try pass(.syncFile)
    guard fdatasync(descriptor) == 0 else { throw FileFault(.syncFile, errno) }
  }

  private func pass(_ step: FileStep) throws(FileFault) {
    if let number = failpoint?(step, name), number != 0 { throw FileFault(step, number) }
  }
}
