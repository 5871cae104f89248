package import ConnectorKit
import Glibc
package import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// Hands mails over to one mail server, each over a connection of its own.
package struct Mailer: Sendable {
  package enum Security: Sendable {
    /// TLS is begun within the dialog, or nothing is sent.
    case startTLS
    /// TLS from the first byte.
    case implicit
    case none
  }

  private let dial: Dial
  private let tls: ClientTLSSettings
  private let security: Security
  private let user: String?
  private let password: Secret?

  /// - Parameters:
  ///   - ca: authorities, PEM, instead of the system's. The server's certificate, and its name, are always checked.
  ///   - timeout: for the connection, and for the dialog.
  package init(
    host: String, port: Int, security: Security, ca: FilePath?, user: String?, password: Secret?, timeout: Duration,
    logger: Logger
  ) {
    var tls = ClientTLSSettings()
    tls.ca = ca
    self.tls = tls
    self.security = security
    self.user = user
    self.password = password
    var isImplicit = false
    if case .implicit = security { isImplicit = true }
    dial = Dial(host: host, port: port, tls: isImplicit ? tls : nil, within: TimeAmount(timeout), logger: logger)
  }

  package enum Outcome: Sendable, Equatable {
    /// The server has it for all but these recipients, which it refused for good.
    case taken(refused: [String])
    /// Nobody has it, or nobody knows; in our words, without secrets and without what the server wrote.
    case failed(String)
  }

  /// Sends once. The password and the authorities are read anew each time: they may have been changed.
  package func send(_ mail: Mail) async -> Outcome {
    do {
      let login = try await login()
      var startsTLS = false
      if case .startTLS = security { startsTLS = true }
      let dialog = SMTPDialog(mail, startsTLS: startsTLS, login: login, hello: Self.hello)
      let loop = partnerLoops.next()
      let over = loop.makePromise(of: Outcome.self)
      let (tls, host, logger) = (tls, dial.host, dial.logger)
      let channel: any Channel
      do {
        channel = try await dial.connect(on: loop) {
          SMTPHandler(dialog, over, tls: tls, host: host, logger: logger)
        }.get()
      } catch {
        let reason = (error as? Unreachable)?.reason ?? "\(error)"
        // The handler may have seen the connection's end, and not why.
        over.succeed(.failed(reason))
        return .failed("the mail server can't be reached: \(reason)")
      }
      let cut = loop.scheduleTask(in: dial.within) {
        over.succeed(.failed("the mail server took too long"))
        channel.close(promise: nil)
      }
      defer { cut.cancel() }
      return try await over.futureResult.get()
    } catch {
      return .failed("\(error)")
    }
  }

  private func login() async throws -> (user: [UInt8], password: [UInt8])? {
    guard let user, let password else { return nil }
    let (bytes, place) = try await blockingThreads.runIfActive {
      try TLSFiles.contents(password, setting: "notify.email.password")
    }
    let value = Array(bytes.reversed().drop { $0 == 0x0A || $0 == 0x0D }.reversed())
    guard !value.isEmpty, value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw SettingError("\(place) is not one line of text", setting: "notify.email.password")
    }
    return (Array(user.utf8), value)
  }

  /// The name of this machine, where it is one that may stand in EHLO.
  private static let hello: String = {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, 255) == 0 else { return "localhost" }
    let name = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let isName =
      !name.isEmpty
      && name.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
          || $0 == 0x2E
      }
    return isName ? name : "localhost"
  }()
}

/// Carries the dialog's bytes; lives on its connection's loop.
private final class SMTPHandler: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var dialog: SMTPDialog
  private let over: EventLoopPromise<Mailer.Outcome>
  private let tls: ClientTLSSettings
  private let host: String
  private let logger: Logger

  init(
    _ dialog: SMTPDialog, _ over: EventLoopPromise<Mailer.Outcome>, tls: ClientTLSSettings, host: String, logger: Logger
  ) {
    self.dialog = dialog
    self.over = over
    self.tls = tls
    self.host = host
    self.logger = logger
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    perform(dialog.received(Array(unwrapInboundIn(data).readableBytesView)), context)
  }

  func channelInactive(context: ChannelHandlerContext) { perform(dialog.closed(), context) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    over.succeed(.failed("the mail server can't be reached: the connection broke"))
    context.close(promise: nil)
  }

  private func perform(_ actions: [SMTPDialog.Action], _ context: ChannelHandlerContext) {
    for action in actions {
      switch action {
      case .send(let bytes):
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
      case .encrypt: encrypt(context)
      case .taken(let refused):
        over.succeed(.taken(refused: refused))
        context.close(promise: nil)
      case .failed(let reason):
        over.succeed(.failed(reason))
        context.close(promise: nil)
      }
    }
  }

  /// Nothing is read while the files of the authorities are.
  private func encrypt(_ context: ChannelHandlerContext) {
    let (tls, host, logger, over) = (tls, host, logger, over)
    let (channel, loop) = (context.channel, context.eventLoop)
    channel.setOption(.autoRead, value: false).flatMap {
      blockingThreads.runIfActive(eventLoop: loop) { try ClientContexts.shared.context(tls, logger: logger) }
    }.flatMap { made -> EventLoopFuture<Void> in
      let ready = loop.makePromise(of: Void.self)
      do {
        try channel.pipeline.syncOperations.addHandler(
          Handshake(ready, expectedName: tls.expectedName(host: host)), position: .first)
        try channel.pipeline.syncOperations.addHandler(try tls.handler(made, host: host), position: .first)
      } catch {
        ready.fail(error)
      }
      channel.setOption(.autoRead, value: true).cascadeFailure(to: ready)
      return ready.futureResult
    }.whenComplete { result in
      switch result {
      case .success: self.secured(channel)
      case .failure(let error):
        let reason = (error as? Unreachable)?.reason ?? (error as? SettingError)?.description ?? "TLS can't be begun"
        over.succeed(.failed("the mail server: \(reason)"))
        channel.close(promise: nil)
      }
    }
  }

  private func secured(_ channel: any Channel) {
    guard let context = try? channel.pipeline.syncOperations.context(handler: self) else { return }
    perform(dialog.secured(), context)
  }
}
