import ConnectorKit
import Testing

@testable import Engine
@testable import Store

/// Whether an engine should be started anew, and whether it takes messages, from looks that are made up.
@Suite struct HealthTests {
  private func channel(_ name: String, state: String = "running", trouble: String? = nil) -> ChannelStatus {
    ChannelStatus(name: name, state: state, trouble: trouble, source: SourceStatus(), perMinute: 0, lanes: [])
  }

  private func look(
    _ channels: [ChannelStatus], broken: [BrokenChannel] = [], _ condition: StoreCondition = .open,
    isStopping: Bool = false
  ) -> EngineLook {
    EngineLook(
      status: EngineStatus(site: "s", startedAt: 0, store: condition.text, channels: channels, broken: broken),
      condition: condition, isStopping: isStopping, now: Moment(wall: 0, steady: 0))
  }

  @Test func `an engine of which everything runs is ready`() {
    #expect(look([channel("a"), channel("b")]).health == EngineHealth(state: .ready, reasons: []))
    #expect(look([]).health.state == .ready)
  }

  @Test func `a part that is not at work is named, and the rest is taken`() {
    let health = look([channel("a"), channel("b", trouble: "the port is taken")]).health
    #expect(health.state == .degraded)
    #expect(health.reasons == ["the source of channel b is not running: the port is taken"])
    let broken = look([channel("a")], broken: [BrokenChannel(name: "c", reason: "x.yaml:1:1: no")]).health
    #expect(broken == EngineHealth(state: .degraded, reasons: ["channel c is not at work: x.yaml:1:1: no"]))
  }

  @Test func `where nothing is taken it is not ready, and says why`() {
    #expect(look([channel("a")], .low(reason: "the disk is full")).health.state == .unready)
    #expect(look([channel("a")], isStopping: true).health.reasons == ["the engine is stopping"])
    #expect(look([channel("a", trouble: "no")]).health.state == .unready)
    #expect(look([], broken: [BrokenChannel(name: "c", reason: "no")]).health.state == .unready)
    // What an operator has paused is meant so.
    #expect(look([channel("a", state: "paused")]).health.state == .ready)
  }

  @Test func `only what a restart mends is a reason for one`() {
    #expect(Engine.reasonToRestart(.low(reason: "the disk is full"), idleFor: 0) == nil)
    #expect(Engine.reasonToRestart(.lost(reason: "the disk failed"), idleFor: 0) == "the disk failed")
    #expect(Engine.reasonToRestart(.open, idleFor: 60_000) == nil)
    #expect(Engine.reasonToRestart(.open, idleFor: 61_000) == "the engine has not looked after itself for 61 s")
  }
}
