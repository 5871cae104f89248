import NIOPosix
import NIOCore

/// The threads on which sources read and answer, and on which their messages go through the pipeline: one for each
/// core.
let sourceLoops = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)

/// The threads on which destinations speak with partners. Apart from those of the sources: a lane waits for an answer
/// before each message, and on one thread with busy senders that answer would wait for all of theirs.
let partnerLoops = MultiThreadedEventLoopGroup(numberOfThreads: max(1, System.coreCount / 2))

/// A few threads for calls that block (name look-ups, reading key files), so that no event loop and no thread of the
/// cooperative pool waits for them.
let blockingThreads: NIOThreadPool = {
  let pool = NIOThreadPool(numberOfThreads: 4)
  pool.start()
  return pool
}()
