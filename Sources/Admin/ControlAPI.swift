package import Engine
import Foundation
import Hummingbird
import HTTPTypes
import Messages
import NIOCore
package import Store

/// The engine's HTTP interface for commands on the same machine. Every body is JSON, but for the bytes of a message.
///
/// | request | does |
/// | --- | --- |
/// | `GET /status` | what every channel and lane is doing |
/// | `POST /channels/NAME/state` | `{"state": "running" | "paused" | "stopped"}` |
/// | `POST /channels/NAME/fetch` | a source with a schedule looks now |
/// | `POST /channels/NAME/ping` | the partner that a source connects to |
/// | `POST /lanes/CHANNEL/LANE/pause`, `/resume`, `/cancel`, `/move`, `/ping` | a lane |
/// | `POST /messages/search`, `GET /messages/ID`, `/messages/ID/why`, `/messages/ID/raw` | messages |
/// | `POST /deliveries/search`, `GET /deliveries/ID/sent`, `/deliveries/ID/reply` | deliveries |
/// | `POST /dead/ACT`, `/failed/ACT` (`retry`, `discard`), `/held/ACT` (`release`, `discard`) | what a person decides |
/// | `POST /resend`, `/reprocess` | the same bytes again; the stored input through the newest revision |
/// | `POST /deploy`, `GET /diff`, `GET /revisions`, `/revisions/NAME`, `POST /revisions/NAME` | what runs |
/// | `POST /backup` | a backup's bytes, as they are made |
/// | `GET /release`, `POST /release` | what a held store would send; lets it |
/// | `GET /sequences`, `POST /sequences` | the numbers that commits give; sets one forward |
/// | `POST /identities/search` | what stand-ins stand for, and why somebody asks |
/// | `GET /audit` | the ledger, and whether it adds up |
/// | `GET /alerts`, `POST /alerts/ID/ack`, `/channels/NAME/downtime` | alerts, and what people do about them |
/// | `GET /metrics` | everything countable, for Prometheus |
/// | `GET /health/live`, `/health/ready` | whether it should be started anew; whether it takes messages: 200 or 503 |
package struct ControlAPI: Sendable {
  let engine: Engine
  let time: LocalTime
  /// Of the program.
  let version: String

  package init(_ engine: Engine, time: LocalTime, version: String) {
    self.engine = engine
    self.time = time
    self.version = version
  }

  func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.add(middleware: ErrorsAsText())
    router.get("status") { _, _ in try json(await engine.status()) }
    channels(router)
    messages(router)
    decisions(router)
    watch(router)
    alerts(router)
    deployments(router)
    copies(router)
    router.get("audit") { _, _ in
      try json(AuditAnswer(channels: try await engine.store.ledger(), problems: try await engine.store.audit()))
    }
    return router
  }

  private func channels(_ router: Router<BasicRequestContext>) {
    router.post("channels/:name/state") { request, context in
      let wanted = try await body(StateRequest.self, request)
      guard let work = ChannelRuntime.Work(rawValue: wanted.state) else {
        throw HTTPError(.badRequest, message: "a state is running, paused or stopped")
      }
      try await engine.set(try context.parameters.require("name"), work)
      return try json(await engine.status())
    }
    router.post("channels/:name/fetch") { request, context in
      let wanted = try await body(AlertRequest.self, request)
      try engine.fetch(try context.parameters.require("name"), by: wanted.by)
      return try json(await engine.status())
    }
    router.post("channels/:name/ping") { _, context in
      try json(try await engine.pingSource(try context.parameters.require("name")))
    }
    router.post("lanes/:channel/:lane/:act") { request, context in
      let lane = "\(try context.parameters.require("channel"))/\(try context.parameters.require("lane"))"
      switch try context.parameters.require("act") {
      case "pause": try await engine.setLane(lane, paused: true)
      case "resume": try await engine.setLane(lane, paused: false)
      case "ping": return try json(try await engine.ping(lane))
      case "cancel":
        let wanted = try await body(IDsRequest.self, request)
        let ids = try await chosen(wanted, in: lane)
        return try json(
          CountAnswer(count: try await engine.cancelWaiting(lane, ids, reason: wanted.reason ?? "cancelled")))
      case "move":
        let wanted = try await body(IDsRequest.self, request)
        guard let target = wanted.to else { throw HTTPError(.badRequest, message: "a move takes a lane to move to") }
        let ids = try await chosen(wanted, in: lane)
        return try json(CountAnswer(count: try await engine.moveWaiting(lane, ids, to: target)))
      default: throw HTTPError(.notFound, message: "a lane can be paused, resumed, cancelled, moved and pinged")
      }
      return try json(await engine.status())
    }
  }

  /// The deliveries of a lane that are meant; `nil` for all.
  private func chosen(_ wanted: IDsRequest, in lane: String) async throws -> [DeliveryID]? {
    if let columns = wanted.columns { return try await engine.waiting(in: lane, where: columns) }
    return wanted.ids.isEmpty ? nil : try identifiers(wanted.ids)
  }

  private func messages(_ router: Router<BasicRequestContext>) {
    router.post("messages/search") { request, _ in
      let query = try await body(MessageQuery.self, request)
      try await engine.check(query)
      return try json(try await engine.store.messages(query))
    }
    router.get("messages/:id") { _, context in try json(try await message(context).answer) }
    router.get("messages/:id/why") { _, context in try json(try await message(context).story) }
    router.get("messages/:id/raw") { _, context in
      try await content(try await engine.store.kept(try identifier(context)), "what came in")
    }
    router.get("messages/:id/shown") { _, context in
      try await shown(try await engine.store.kept(try identifier(context)), "what came in")
    }
    router.post("deliveries/search") { request, _ in
      let query = try await body(DeliveryQuery.self, request)
      try await engine.check(query)
      return try json(engine.withGroups(try await engine.store.deliveries(query)))
    }
    router.get("deliveries/:id/:part") { _, context in
      let id = try identifier(context)
      switch try context.parameters.require("part") {
      case "sent": return try await content(try await engine.store.kept(sent: id), "what is sent")
      case "shown": return try await shown(try await engine.store.kept(sent: id), "what is sent")
      case "reply": return try await content(try await engine.store.sent(id)?.reply, "the partner's answer")
      default: throw HTTPError(.notFound)
      }
    }
  }

  private func decisions(_ router: Router<BasicRequestContext>) {
    router.post("dead/:act") { request, context in
      let wanted = try await body(IDsRequest.self, request)
      let ids = try identifiers(wanted.ids)
      switch try context.parameters.require("act") {
      case "retry": return try json(try await engine.retryDead(ids))
      case "discard": return try json(try await engine.discardDead(ids, reason: try reason(wanted)))
      default: throw HTTPError(.notFound)
      }
    }
    router.post("failed/:act") { request, context in
      let wanted = try await body(IDsRequest.self, request)
      let ids = try identifiers(wanted.ids)
      switch try context.parameters.require("act") {
      case "retry":
        return try json(try await engine.reprocess(ids, from: [.failed], dryRun: wanted.dryRun ?? false))
      case "discard": return try json(try await engine.discardMessages(ids, reason: try reason(wanted)))
      default: throw HTTPError(.notFound)
      }
    }
    router.post("held/:act") { request, context in
      let wanted = try await body(IDsRequest.self, request)
      let ids = try identifiers(wanted.ids)
      switch try context.parameters.require("act") {
      case "release": return try json(try await engine.release(ids))
      case "discard": return try json(try await engine.discardHeld(ids, reason: try reason(wanted)))
      default: throw HTTPError(.notFound)
      }
    }
    router.post("reprocess") { request, _ in
      let wanted = try await body(IDsRequest.self, request)
      let states: Set<MessageState> = [.routed, .dropped, .held, .failed]
      return try json(
        try await engine.reprocess(try identifiers(wanted.ids), from: states, dryRun: wanted.dryRun ?? false))
    }
    router.post("resend") { request, _ in
      let wanted = try await body(IDsRequest.self, request)
      var outcomes: [ItemOutcome] = []
      for id in try identifiers(wanted.ids) { outcomes += try await engine.resend(id, to: wanted.to) }
      return try json(outcomes)
    }
  }

  private func message(_ context: BasicRequestContext) async throws -> (answer: MessageAnswer, story: [String]) {
    let id = try identifier(context)
    guard let record = try await engine.store.message(id) else {
      throw HTTPError(.notFound, message: "there is no message \(id)")
    }
    var answer = MessageAnswer(
      message: record, deliveries: engine.withGroups(try await engine.store.deliveries(of: id)),
      places: try await engine.store.placesKept(by: id))
    try await tellOfOthers(&answer)
    answer.accepted = engine.accepted
    return (answer, Story(answer, now: Int64(Date().timeIntervalSince1970 * 1000), time: time).lines)
  }

  private func reason(_ request: IDsRequest) throws -> String {
    guard let reason = request.reason, !reason.isEmpty else {
      throw HTTPError(.badRequest, message: "discarding takes a reason")
    }
    return reason
  }
}

// MARK: What goes over the socket

package struct StateRequest: Codable, Sendable {
  package var state: String
  package init(state: String) { self.state = state }
}

package struct IDsRequest: Codable, Sendable {
  package var ids: [String]
  package var reason: String?
  package var dryRun: Bool?
  /// The one destination it is about.
  package var to: String?
  /// Instead of ids: values of the messages' columns.
  package var columns: [String: String]?
  package init(
    ids: [String], reason: String? = nil, dryRun: Bool? = nil, to: String? = nil, columns: [String: String]? = nil
  ) {
    self.columns = columns
    self.ids = ids
    self.reason = reason
    self.dryRun = dryRun
    self.to = to
  }
}

package struct CountAnswer: Codable, Sendable {
  package var count: Int
}

package struct MessageAnswer: Codable, Sendable {
  package var message: MessageRecord
  package var deliveries: [DeliveryRecord]
  /// The destinations in whose lanes it keeps its place because it failed.
  package var places: [String]
  /// What it was in the channels that handed it on, the first of them first.
  package var before: [MessageRecord] = []
  /// What it is in the channels that it was handed on to, and so on.
  package var onward: [Onward] = []
  /// By delivery, until when its outcome is awaited of a partner that has accepted it.
  package var accepted: [String: Int64] = [:]

  package struct Onward: Codable, Sendable {
    /// By which it was handed on.
    package var delivery: String
    package var message: MessageRecord
    package var deliveries: [DeliveryRecord]
  }
}

package struct AuditAnswer: Codable, Sendable {
  package var channels: [ChannelLedger]
  package var problems: [String]
}

// MARK: Reading and writing

private let bodyBytesMax = 8 << 20

func body<Content: Decodable>(_ type: Content.Type, _ request: Request) async throws -> Content {
  let buffer = try await request.body.collect(upTo: bodyBytesMax)
  do {
    return try JSONDecoder().decode(type, from: Data(buffer.readableBytesView))
  } catch {
    throw HTTPError(.badRequest, message: "the body is not the JSON that is needed here")
  }
}

func json(_ value: some Encodable) throws -> Response {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  let data = try encoder.encode(value)
  return Response(
    status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
    body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
}

private func identifier(_ context: BasicRequestContext) throws -> Identifier {
  try identifiers([try context.parameters.require("id")])[0]
}

private func identifiers(_ texts: [String]) throws -> [Identifier] {
  try texts.map { text in
    guard let id = Identifier(text) else {
      throw HTTPError(.badRequest, message: "\(text.prefix(40)) is not an id: an id has 26 letters and digits")
    }
    return id
  }
}

/// An error is answered in words for the person at the command line.
private struct ErrorsAsText: RouterMiddleware {
  func handle(
    _ request: Request, context: BasicRequestContext, next: (Request, BasicRequestContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let error as HTTPError {
      return answer(error.status, error.body ?? "\(error.status.reasonPhrase)")
    } catch let error as OperationError {
      return answer(.conflict, error.description)
    } catch let error as StoreError {
      return answer(.serviceUnavailable, error.description)
    }
  }

  private func answer(_ status: HTTPResponse.Status, _ text: String) -> Response {
    Response(
      status: status, headers: [.contentType: "text/plain; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
