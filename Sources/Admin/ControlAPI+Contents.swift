import DICOM
import Dispatch
import Engine
import HTTPTypes
import Hummingbird
import Messages
import NIOCore
import Store

extension ControlAPI {
  /// How much of a content is read before who asked for it takes more.
  private static let pieceBytes = 1 << 18

  /// A content byte for byte; a large one goes out in pieces.
  ///
  /// - Parameter what: for people.
  func content(_ payload: Payload?, _ what: String) async throws -> Response {
    let reader = try await opened(payload, what)
    return Response(
      status: .ok, headers: [.contentType: "application/octet-stream"],
      body: ResponseBody(contentLength: reader.rest) { writer in
        while reader.rest > 0 {
          let piece = try await onDisk { try reader.next(Self.pieceBytes) }
          try await writer.write(ByteBuffer(bytes: piece))
        }
        try await writer.finish(nil)
      })
  }

  /// A content as a person reads it: DICOM as a tree, whatever else is text as it is.
  func shown(_ payload: Payload?, _ what: String) async throws -> Response {
    guard payload?.format == .dicom else { return try await content(payload, what) }
    let reader = try await opened(payload, what)
    let lines = try await onDisk {
      do {
        return DICOMDump().lines(of: try DICOMObject(reading: reader))
      } catch let error as DICOMError {
        return ["this is no DICOM object that can be read: \(error)"]
      }
    }
    return Response(
      status: .ok, headers: [.contentType: "text/plain; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: lines.joined(separator: "\n"))))
  }

  private func opened(_ payload: Payload?, _ what: String) async throws -> any ContentReader {
    guard let payload else { throw HTTPError(.notFound, message: "\(what) is not kept, or there was nothing") }
    do {
      return try await onDisk { [store = engine.store] in try store.open(payload, isTrusted: false) }
    } catch let error as ContentError {
      throw HTTPError(.internalServerError, message: error.description)
    }
  }

  private static let disk = DispatchQueue(label: "hilum.control.contents", attributes: .concurrent)

  /// Waits for the disk on a thread that may.
  private func onDisk<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      Self.disk.async { continuation.resume(with: Result { try body() }) }
    }
  }
}
