// Programs: any text compiles or is refused with problems, and what compiles comes to an end over any message.

private let message = try? HL7Message(
  Array(
    "MSH|^~\\&|A|B|C|D|20260101||ADT^A01^ADT_A01|1|P|2.5\rPID|1||4711^^^H||Doe^Jane||19700101|F\rPV1|1|I|W^1^2\r".utf8))

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  let (program, problems) = HiltProgram.compile(text, file: "fuzz.hilt")
  precondition(program != nil || !problems.isEmpty, "refused without a reason")
  for problem in problems { _ = problem.rendered(source: text) }
  if let program { _ = program.run(HiltInput(message)) }
  return 0
}
