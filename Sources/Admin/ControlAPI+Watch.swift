import Engine
import HTTPTypes
import Hummingbird
import NIOCore

extension ControlAPI {
  /// Metrics and health: for programs that watch the engine.
  func watch(_ router: Router<BasicRequestContext>) {
    router.get("metrics") { _, _ in
      let text = await engine.look().metrics(version: version, process: .read())
      return Response(
        status: .ok, headers: [.contentType: Exposition.contentType],
        body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
    router.get("health/live") { _, _ in
      let reason = engine.reasonToRestart
      return try health(EngineHealth(state: reason == nil ? .ready : .unready, reasons: reason.map { [$0] } ?? []))
    }
    router.get("health/ready") { _, _ in try health(await engine.look().health) }
  }

  /// Alerts, and what people do about them.
  func alerts(_ router: Router<BasicRequestContext>) {
    router.get("alerts") { _, _ in try json(engine.alerts) }
    router.post("alerts/:id/ack") { request, context in
      let wanted = try await body(AlertRequest.self, request)
      guard let id = Int(try context.parameters.require("id")) else {
        throw HTTPError(.badRequest, message: "the id of an alert is a number")
      }
      return try json(try await engine.acknowledge(id, by: wanted.by, why: wanted.why))
    }
    router.post("channels/:name/downtime") { request, context in
      let wanted = try await body(AlertRequest.self, request)
      let name = try context.parameters.require("name")
      guard let why = wanted.why, !why.isEmpty || wanted.seconds == 0 else {
        throw HTTPError(.badRequest, message: "a downtime takes a reason")
      }
      _ = try await engine.downtime(of: name, seconds: wanted.seconds ?? 0, by: wanted.by, why: why)
      return try json(engine.alerts)
    }
  }

  private func health(_ health: EngineHealth) throws -> Response {
    var response = try json(health)
    if health.state == .unready { response.status = .serviceUnavailable }
    return response
  }
}

/// What somebody says to an alert, or to a channel's alerts.
package struct AlertRequest: Codable, Sendable {
  package var by: String
  package var why: String?
  /// Of a downtime; 0 ends it.
  package var seconds: Int?
  package init(by: String, why: String?, seconds: Int? = nil) {
    self.by = by
    self.why = why
    self.seconds = seconds
  }
}
