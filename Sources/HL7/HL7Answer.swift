/// A partner's acknowledgement, as the sender of a message reads it.
package struct HL7Answer: Sendable {
  /// HL7 table 0008.
  package enum Code: String, Sendable, Hashable, CaseIterable {
    // The names are the standard's own.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case AA, AE, AR, CA, CE, CR

    /// The message was taken.
    package var isAccepted: Bool { self == .AA || self == .CA }
    /// It was refused, and the same message will be refused again.
    package var isRejection: Bool { self == .AR || self == .CR }
    /// An accept acknowledgement of enhanced mode: the message is safe with the partner, not yet processed.
    package var isCommit: Bool { self == .CA || self == .CE || self == .CR }
  }

  package enum Trouble: Error, Hashable, CustomStringConvertible {
    case unreadable(HL7ParseError)
    /// There is no MSA segment: it is a message, not an answer.
    case noMSA
    /// MSA-1 is empty or none of table 0008.
    case unknownCode
    /// Text of MSA can't be decoded.
    case text(HL7TextError)

    package var description: String {
      switch self {
      case .unreadable(let error): "the answer is not an HL7 message: \(error)"
      case .noMSA: "the answer has no MSA segment"
      case .unknownCode: "MSA-1 of the answer is none of AA, AE, AR, CA, CE, CR"
      case .text(let error): "the answer can't be read: \(error)"
      }
    }
  }

  package let code: Code
  /// MSA-2: the control id of the message that is answered; `nil` where it is empty.
  package let controlID: String?
  /// The condition that the partner gives for a refusal, of table 0357: ERR-3, or ERR-1.4 before version 2.5.
  package let number: Int?
  /// It is nothing but an acknowledgement (MSH-9 is ACK); otherwise it is a response with content of its own.
  package let isPlain: Bool
  /// What the partner says of a refusal: MSA-3, else ERR-8, else the text of ERR-3 or ERR-1. It may hold content.
  package let text: String?
  package let message: HL7Message

  package init(_ bytes: [UInt8], _ options: HL7ReadingOptions = HL7ReadingOptions()) throws(Trouble) {
    let message: HL7Message
    do {
      message = try HL7Message(bytes, options)
    } catch {
      throw .unreadable(error)
    }
    try self.init(message)
  }

  package init(_ message: HL7Message) throws(Trouble) {
    guard let msa = message.segment("MSA", occurrence: 1) else { throw .noMSA }
    do {
      guard let code = try message.value(at: HL7Position(1), of: msa).text.flatMap(Code.init) else {
        throw Trouble.unknownCode
      }
      self.code = code
      controlID = try message.value(at: HL7Position(2), of: msa).text
    } catch let error as HL7TextError {
      throw .text(error)
    } catch {
      throw .unknownCode
    }
    self.message = message
    // A text that can't be decoded does not change what the code says.
    text = Self.reason(message, msa)
    number = Self.number(message)
    isPlain = HL7Header(message).messageCode == "ACK"
  }

  private static func number(_ message: HL7Message) -> Int? {
    guard let err = message.segment("ERR", occurrence: 1) else { return nil }
    for position in [HL7Position(3, component: 1), HL7Position(1, component: 4, subcomponent: 1)] {
      if let text = (try? message.value(at: position, of: err))?.text, let number = Int(text),
        (0...999).contains(number)
      {
        return number
      }
    }
    return nil
  }

  private static func reason(_ message: HL7Message, _ msa: Int) -> String? {
    func text(_ position: HL7Position, _ segment: Int) -> String? {
      (try? message.value(at: position, of: segment))?.text
    }
    if let text = text(HL7Position(3), msa) { return text }
    guard let err = message.segment("ERR", occurrence: 1) else { return nil }
    return text(HL7Position(8), err) ?? text(HL7Position(3, component: 2), err)
      ?? text(HL7Position(1, component: 4, subcomponent: 2), err)
  }
}

extension HL7Answer: CustomStringConvertible, CustomReflectable {
  /// The code and the size; never what the partner wrote.
  package var description: String { "\(code.rawValue), \(message)" }
  package var customMirror: Mirror { Mirror(self, children: ["answer": description]) }
}
