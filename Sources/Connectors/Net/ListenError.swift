/// A source can't listen: which address, and why, in words.
struct ListenError: Error, CustomStringConvertible {
  let address: String
  let reason: String
  var description: String { "can't listen on \(address): \(reason)" }
}
