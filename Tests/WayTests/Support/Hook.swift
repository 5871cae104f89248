import Foundation
import Glibc
import Synchronization

/// A web hook on this machine: takes one request a connection, keeps it, and answers as it is told.
final class Hook: Sendable {
  struct Request: Sendable {
    var head: String
    var body: Data
    func json() throws -> [String: Any] {
      guard let object = try JSONSerialization.jsonObject(with: body) as? [String: Any] else {
        throw WayError("no object: \(String(decoding: body, as: UTF8.self))")
      }
      return object
    }
  }
  private struct State: Sendable {
    var requests: [Request] = []
    var status = 200
    var headers = ""
  }
  let port: Int
  private let listener: Int32
  private let state = Mutex(State())

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
        bind(descriptor, raw, size) == 0 && listen(descriptor, 16) == 0 && getsockname(descriptor, raw, &size) == 0
      }
    }
    guard port else { throw WayError("no port for a web hook") }
    self.port = Int(UInt16(bigEndian: address.sin_port))
    listener = descriptor
    Thread.detachNewThread { [weak self] in
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0, let self else { return }
        serve(connection)
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  /// From now on.
  func answer(_ status: Int, headers: String = "") {
    state.withLock { ($0.status, $0.headers) = (status, headers) }
  }

  var requests: [Request] { state.withLock { $0.requests } }

  private func serve(_ connection: Int32) {
    defer { close(connection) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(connection, &chunk, chunk.count)
      guard count > 0 else { return }
      bytes += chunk[..<count]
      let data = Data(bytes)
      guard let end = data.range(of: Data("\r\n\r\n".utf8)) else { continue }
      let head = String(decoding: data[..<end.lowerBound], as: UTF8.self)
      let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
      let wanted = length.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
      guard data.count - end.upperBound >= wanted else { continue }
      let (status, headers) = state.withLock { state in
        state.requests.append(Request(head: head, body: data[end.upperBound...]))
        return (state.status, state.headers)
      }
      let answer = "HTTP/1.1 \(status) X\r\nContent-Length: 2\r\n\(headers)Connection: close\r\n\r\nok"
      _ = Array(answer.utf8).withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
      return
    }
  }
}
