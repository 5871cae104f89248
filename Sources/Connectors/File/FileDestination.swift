package import ConnectorKit
import Glibc
import Messages

/// Writes each message as a file of its own: aside, brought to disk, and only then given its name. What has a name in
/// the folder is whole, and what was there is never overwritten.
///
/// One thread does it all, in order; messages that wait are written together and share what they can of bringing them
/// to disk.
package final class FileDestination: DestinationConnector {
  package static let name = "file"
  package static let about = """
    Writes each message as a file in a folder. A file appears under its name only when it is whole and on disk, and \
    never replaces another.
    """

  private enum Job: Sendable {
    case write(Delivery, then: @Sendable (Result<Reply, DeliveryError>) -> Void)
    case ping(@Sendable (PingReport) -> Void)
  }

  /// How many waiting messages are written together at most.
  private static let togetherMax = 64
  private let worker: SerialWorker<Job>

  package convenience init(_ options: FileDestinationSettings, context: ConnectorContext) throws {
    self.init(options, failpoint: nil)
  }

  init(_ options: FileDestinationSettings, failpoint: FileFailpoint?) {
    worker = SerialWorker(jobsMax: Self.togetherMax) {
      let writer = FileWriter(options, failpoint: failpoint)
      var refusesFollowers = false
      return { jobs, worker in Self.work(jobs, with: writer, worker, &refusesFollowers) }
    }
  }

  package func send(_ delivery: Delivery, then: @escaping @Sendable (Result<Reply, DeliveryError>) -> Void) {
    do throws(FileFault) {
      if try worker.add(.write(delivery, then: then)) { return }
      then(.failure(Self.closed))
    } catch {
      then(.failure(DeliveryError(.unreachable, error.description, bytesSent: false)))
    }
  }

  package func ping() async -> PingReport {
    await withCheckedContinuation { continuation in
      do throws(FileFault) {
        if try worker.add(.ping { continuation.resume(returning: $0) }) { return }
        continuation.resume(returning: PingReport(reached: false, lines: [Self.closed.reason]))
      } catch {
        continuation.resume(returning: PingReport(reached: false, lines: [error.description]))
      }
    }
  }

  package func close() async {
    await withCheckedContinuation { continuation in
      for job in worker.close({ continuation.resume() }) { Self.end(job) }
    }
  }

  private static let closed = DeliveryError(.cancelled, "the destination is closed", bytesSent: false)

  /// - Parameter refusesFollowers: something could not be written, and what the lane had decided to send behind it may
  ///   still come.
  private static func work(
    _ jobs: [Job], with writer: FileWriter, _ worker: SerialWorker<Job>, _ refusesFollowers: inout Bool
  ) {
    var jobs = jobs
    if refusesFollowers {
      jobs.removeAll {
        guard refusesFollowers, case .write(let delivery, let then) = $0 else { return false }
        refusesFollowers = delivery.followsOthers
        if refusesFollowers { then(.failure(.behind)) }
        return refusesFollowers
      }
    }
    var deliveries: [Delivery] = []
    for case .write(let delivery, _) in jobs { deliveries.append(delivery) }
    var results = writer.write(deliveries)[...]
    // A lane's order holds: what is behind a message that waits for its folder waits with it.
    let isStuck = results.contains { if case .failure(let error) = $0 { error.kind == .unreachable } else { false } }
    if isStuck { refusesFollowers = true }
    let rest = isStuck ? worker.takeWaiting() : []
    for job in jobs {
      switch job {
      case .write(_, let then): then(results.popFirst() ?? .failure(.behind))
      case .ping(let then): then(writer.ping())
      }
    }
    for job in rest {
      switch job {
      case .write(_, let then): then(.failure(.behind))
      case .ping(let then): then(writer.ping())
      }
    }
  }

  private static func end(_ job: Job) {
    switch job {
    case .write(_, let then): then(.failure(closed))
    case .ping(let then): then(PingReport(reached: false, lines: [closed.reason]))
    }
  }
}
