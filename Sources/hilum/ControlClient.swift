import Admin
import ArgumentParser
import AsyncHTTPClient
import Foundation
import Glibc
import NIOCore
import NIOHTTP1

/// Talks to the running engine of a data folder.
struct ControlClient {
  private let folder: String

  init(_ folder: String) { self.folder = folder }

  /// - Parameter bad: a status beside 200 that comes with an answer of the same kind.
  func get<Answer: Decodable>(
    _ path: String, as type: Answer.Type = Answer.self, bad: UInt = 200
  ) async throws -> Answer {
    try decode(try await exchange(path, nil, bad: bad))
  }

  func post<Answer: Decodable>(
    _ path: String, _ body: some Encodable, as type: Answer.Type = Answer.self
  ) async throws -> Answer {
    try decode(try await exchange(path, try JSONEncoder().encode(body)))
  }

  /// The bytes of a message.
  func bytes(_ path: String) async throws -> [UInt8] { Array(try await exchange(path, nil)) }

  /// Hands over a long answer as it comes.
  ///
  /// - Parameter begin: is told how many bytes there will be, where the engine says so.
  func stream(
    _ path: String, method: HTTPMethod = .POST, lengthIn header: String = "content-length",
    begin: (Int64?) throws -> Void = { _ in }, _ take: ([UInt8]) throws -> Void
  ) async throws {
    let descriptor = try folderDescriptor()
    defer { close(descriptor) }
    var request = HTTPClientRequest(url: Self.url(descriptor, path))
    request.method = method
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.retryConnectionEstablishment = false
    let client = HTTPClient(configuration: configuration)
    do {
      let answer: HTTPClientResponse
      do { answer = try await client.execute(request, timeout: .hours(72)) } catch { throw unanswered }
      guard answer.status == .ok else {
        throw Failure(
          String(decoding: Data((try await answer.body.collect(upTo: 1 << 20)).readableBytesView), as: UTF8.self))
      }
      try begin(answer.headers.first(name: header).flatMap { Int64($0) })
      for try await buffer in answer.body { try take(Array(buffer.readableBytesView)) }
    } catch {
      try? await client.shutdown()
      throw error is HTTPClientError || error is HTTPParserError
        ? Failure("The engine ended, or its answer broke off.") : error
    }
    try await client.shutdown()
  }

  private func folderDescriptor() throws -> Int32 {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Failure("There is no data folder \(folder). Say which with --data, or start an engine with `hilum run`.")
    }
    return descriptor
  }

  private static func url(_ descriptor: Int32, _ path: String) -> String {
    let socket = ControlServer.path(descriptor).addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    return "http+unix://\(socket)/\(path)"
  }

  private var unanswered: Failure {
    Failure("No engine answers in \(folder). Is it running there? Start it with `hilum run`.")
  }

  private func decode<Answer: Decodable>(_ data: Data) throws -> Answer {
    do {
      return try JSONDecoder().decode(Answer.self, from: data)
    } catch {
      throw Failure("The engine's answer is not what this command knows: engine and command are of different versions.")
    }
  }

  private func exchange(_ path: String, _ body: Data?, bad: UInt = 200) async throws -> Data {
    let descriptor = try folderDescriptor()
    defer { close(descriptor) }
    var request = HTTPClientRequest(url: Self.url(descriptor, path))
    if let body {
      request.method = .POST
      request.body = .bytes(ByteBuffer(bytes: body))
    }
    let answer: HTTPClientResponse
    let data: Data
    do {
      // An engine that died leaves its socket: it is refused there, and asking again won't help.
      var configuration = HTTPClient.Configuration()
      configuration.connectionPool.retryConnectionEstablishment = false
      (answer, data) = try await HTTPClient.withHTTPClient(configuration: configuration) { client in
        let answer = try await client.execute(request, timeout: .seconds(600))
        return (answer, Data((try await answer.body.collect(upTo: 256 << 20)).readableBytesView))
      }
    } catch {
      throw unanswered
    }
    guard answer.status == .ok || answer.status.code == bad else {
      throw Failure(String(decoding: data, as: UTF8.self))
    }
    return data
  }
}

/// The flags of every command that talks to a running engine.
struct EngineOptions: ParsableArguments {
  @Option(name: .long, help: "The engine's data folder.")
  var data = "data"

  @Flag(name: .long, help: "Print JSON.")
  var json = false

  var client: ControlClient { ControlClient(data) }
}
