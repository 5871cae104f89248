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
      let reason = await engine.look().reasonToRestart
      return try health(EngineHealth(state: reason == nil ? .ready : .unready, reasons: reason.map { [$0] } ?? []))
    }
    router.get("health/ready") { _, _ in try health(await engine.look().health) }
  }

  private func health(_ health: EngineHealth) throws -> Response {
    var response = try json(health)
    if health.state == .unready { response.status = .serviceUnavailable }
    return response
  }
}
