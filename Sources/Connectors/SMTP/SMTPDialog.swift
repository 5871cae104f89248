/// Our side of one SMTP dialog (RFC 5321), with STARTTLS (RFC 3207) and AUTH (RFC 4954): bytes of the server in, what
/// to do out. No I/O, no clock.
///
/// What the server writes is never shown but for its codes.
struct SMTPDialog: Sendable {
  enum Action: Equatable, Sendable {
    case send([UInt8])
    /// Encrypt the connection, then call `secured`.
    case encrypt
    /// The server has the mail for all but these recipients, which it refused.
    case taken(refused: [String])
    case failed(String)
  }

  private enum State {
    case greeting, hello, startTLS, handshake, plain, loginUser, loginPassword, from
    case recipient(Int)
    case data, content, over
  }

  private static let lineBytesMax = 2_048
  private static let linesMax = 128

  private let mail: Mail
  private let login: (user: [UInt8], password: [UInt8])?
  private let hello: String
  /// TLS is still to be begun within the dialog.
  private var wantsTLS: Bool
  private var state = State.greeting
  private var buffer: [UInt8] = []
  /// The lines of the answer that is coming in, and its code.
  private var lines: [[UInt8]] = []
  private var code = 0
  private var refused: [String] = []

  /// - Parameter hello: the name of this machine.
  init(_ mail: Mail, startsTLS: Bool, login: (user: [UInt8], password: [UInt8])?, hello: String) {
    self.mail = mail
    wantsTLS = startsTLS
    self.login = login
    self.hello = hello
  }

  // MARK: Events

  mutating func received(_ bytes: [UInt8]) -> [Action] {
    if case .over = state { return [] }
    if case .handshake = state { return fail("wrote in clear while TLS began") }
    buffer += bytes
    var actions: [Action] = []
    while let end = buffer.firstIndex(of: 0x0A) {
      guard end > 0, buffer[end - 1] == 0x0D, end <= Self.lineBytesMax else { return actions + notSMTP() }
      let line = Array(buffer[..<(end - 1)])
      buffer.removeSubrange(...end)
      guard take(line) else { return actions + notSMTP() }
      if line.count > 3, line[3] == 0x2D { continue }
      actions += answered()
      lines = []
      if case .over = state { return actions }
      if case .handshake = state { return actions }
    }
    return buffer.count > Self.lineBytesMax ? actions + notSMTP() : actions
  }

  /// The connection is encrypted: everything that was said before counts for nothing.
  mutating func secured() -> [Action] {
    guard case .handshake = state else { return [] }
    wantsTLS = false
    return sayHello()
  }

  mutating func closed() -> [Action] {
    if case .over = state { return [] }
    return fail("closed the connection \(step)")
  }

  // MARK: Answers

  /// One line of an answer; `false` where it is none.
  private mutating func take(_ line: [UInt8]) -> Bool {
    guard line.count >= 3, line[..<3].allSatisfy({ (0x30...0x39).contains($0) }), (0x32...0x35).contains(line[0]),
      line.count == 3 || line[3] == 0x20 || line[3] == 0x2D, lines.count < Self.linesMax
    else { return false }
    let number = line[..<3].reduce(0) { $0 * 10 + Int($1 - 0x30) }
    guard lines.isEmpty || number == code else { return false }
    code = number
    lines.append(line)
    return true
  }

  private mutating func answered() -> [Action] {
    switch state {
    case .greeting: return code == 220 ? sayHello() : refusal("this machine")
    case .hello: return code == 250 ? afterHello() : refusal("this machine's greeting")
    case .startTLS:
      guard code == 220 else { return refusal("to begin TLS") }
      // Whatever came with it was written by somebody who could not know that TLS begins (RFC 3207 section 6).
      guard buffer.isEmpty else { return fail("wrote in clear while TLS began") }
      state = .handshake
      return [.encrypt]
    case .plain, .loginPassword: return code == 235 ? sender() : refusal("user and password")
    case .loginUser:
      guard code == 334, let login else { return refusal("user and password") }
      state = .loginPassword
      return [.send(Base64.encode(login.password) + Self.lineEnd)]
    case .from: return code == 250 ? recipient(0) : refusal("the sender \(mail.from)")
    case .recipient(let index):
      if code == 250 || code == 251 { return recipient(index + 1) }
      // 4yz is for now, of all of them: the whole mail is tried again. 5yz is for good, and of this one.
      guard (500..<600).contains(code) else { return refusal("the recipient \(mail.to[index]) for now") }
      refused.append(mail.to[index])
      if refused.count == mail.to.count { return refusal("every recipient") }
      return recipient(index + 1)
    case .data:
      guard code == 354 else { return refusal("the mail") }
      state = .content
      return [.send(mail.transparent)]
    case .content:
      guard code == 250 else { return refusal("the mail") }
      state = .over
      return [.send(Self.line("QUIT")), .taken(refused: refused)]
    case .handshake, .over: return []
    }
  }

  private mutating func sayHello() -> [Action] {
    state = .hello
    return [.send(Self.line("EHLO \(hello)"))]
  }

  private mutating func afterHello() -> [Action] {
    let words = lines.dropFirst().map {
      String(decoding: $0.dropFirst(4), as: UTF8.self).uppercased().split(separator: " ").map(String.init)
    }
    if wantsTLS {
      guard words.contains(["STARTTLS"]) else { return fail("does not offer STARTTLS; nothing is sent in clear") }
      state = .startTLS
      return [.send(Self.line("STARTTLS"))]
    }
    guard let login else { return sender() }
    let offered = words.first { $0.first == "AUTH" } ?? []
    if offered.contains("PLAIN") {
      state = .plain
      let secret = Base64.encode([0] + login.user + [0] + login.password)
      return [.send(Array("AUTH PLAIN ".utf8) + secret + Self.lineEnd)]
    }
    guard offered.contains("LOGIN") else { return fail("takes neither AUTH PLAIN nor AUTH LOGIN") }
    state = .loginUser
    return [.send(Array("AUTH LOGIN ".utf8) + Base64.encode(login.user) + Self.lineEnd)]
  }

  private mutating func sender() -> [Action] {
    state = .from
    return [.send(Self.line("MAIL FROM:<\(mail.from)>"))]
  }

  private mutating func recipient(_ index: Int) -> [Action] {
    if index < mail.to.count {
      state = .recipient(index)
      return [.send(Self.line("RCPT TO:<\(mail.to[index])>"))]
    }
    state = .data
    return [.send(Self.line("DATA"))]
  }

  // MARK: Ends

  private var step: String { if case .content = state { "before it had taken the mail" } else { "too early" } }

  /// `550 5.7.1`: the code, and the enhanced one where there is one (RFC 3463).
  private mutating func refusal(_ what: String) -> [Action] {
    let second = (lines.last ?? []).dropFirst(4).prefix { $0 == 0x2E || (0x30...0x39).contains($0) }
    let more = second.count(where: { $0 == 0x2E }) == 2 && second.count <= 9
    return fail("refused \(what): \(code)" + (more ? " \(String(decoding: second, as: UTF8.self))" : ""))
  }

  private mutating func notSMTP() -> [Action] { fail("answered something that is not SMTP") }

  private mutating func fail(_ what: String) -> [Action] {
    state = .over
    return [.failed("the mail server \(what)")]
  }

  private static let lineEnd: [UInt8] = [0x0D, 0x0A]
  private static func line(_ text: String) -> [UInt8] { Array(text.utf8) + lineEnd }
}
