package import NIOPosix
import NIOCore

/// The threads on which every connector of this room reads and writes: one for each core, shared by all.
package let eventLoops = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)

/// A few threads for calls that block (name look-ups, reading key files), so that no event loop and no thread of the
/// cooperative pool waits for them.
let blockingThreads: NIOThreadPool = {
  let pool = NIOThreadPool(numberOfThreads: 4)
  pool.start()
  return pool
}()
