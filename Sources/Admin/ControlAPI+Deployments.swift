import Engine
import Hummingbird

extension ControlAPI {
  /// What runs, and how it becomes something else.
  func deployments(_ router: Router<BasicRequestContext>) {
    router.post("deploy") { request, _ in
      let wanted = try await body(DeployRequest.self, request)
      return try json(
        try await engine.deploy(
          waiting: try choice(wanted.waiting), environment: wanted.environment,
          changesEnvironment: wanted.changesEnvironment ?? false))
    }
    router.get("diff") { request, _ in
      try json(try await engine.difference(environment: request.uri.queryParameters["env"].map(String.init)))
    }
    router.get("revisions") { _, _ in try json(try await engine.revisions(of: nil)) }
    router.get("revisions/:name") { _, context in
      try json(try await engine.revisions(of: try context.parameters.require("name")))
    }
    router.post("revisions/:name") { request, context in
      let wanted = try await body(DeployRequest.self, request)
      return try json(
        try await engine.rollback(
          try context.parameters.require("name"), to: wanted.revision, waiting: try choice(wanted.waiting)))
    }
  }

  private func choice(_ text: String?) throws -> LeavingChoice? {
    guard let text else { return nil }
    guard let choice = LeavingChoice(text) else {
      throw HTTPError(.badRequest, message: "what waits can drain, move:LANE or be dead")
    }
    return choice
  }
}

package struct DeployRequest: Codable, Sendable {
  /// What becomes of deliveries whose destination is gone: `drain`, `dead`, `move:LANE`.
  package var waiting: String?
  /// The one to roll back to.
  package var revision: String?
  /// The environment that the engine is believed to be in.
  package var environment: String?
  /// Whether it shall be in that one from now on.
  package var changesEnvironment: Bool?

  package init(
    waiting: String? = nil, revision: String? = nil, environment: String? = nil, changesEnvironment: Bool? = nil
  ) {
    self.waiting = waiting
    self.revision = revision
    self.environment = environment
    self.changesEnvironment = changesEnvironment
  }
}
