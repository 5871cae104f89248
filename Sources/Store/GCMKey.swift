import COpenSSL
import Crypto
import Synchronization

/// One key of AES-256-GCM (NIST SP 800-38D) whose schedule is kept between messages.
///
/// A message is sealed in three or four small parts. The system's libcrypto seals one of 1 KB in a microsecond where
/// its context is kept; making key, nonce and box anew for each part cost three times that.
final class GCMKey: Sendable {
  static let nonceBytes = 12
  static let tagBytes = 16

  /// A context of OpenSSL. Belongs to one thread at a time.
  private struct Context: @unchecked Sendable {
    let pointer: OpaquePointer
  }
  private let bytes: [UInt8]
  private let idleSealing = Mutex<[Context]>([])
  private let idleOpening = Mutex<[Context]>([])

  init(_ key: SymmetricKey) {
    bytes = key.withUnsafeBytes { [UInt8]($0) }
    precondition(bytes.count == 32, "a data key has 256 bits")
  }

  deinit {
    for context in idleSealing.withLock({ $0 }) + idleOpening.withLock({ $0 }) {
      EVP_CIPHER_CTX_free(context.pointer)
    }
  }

  /// Appends ciphertext and tag.
  func seal(_ plain: [UInt8], nonce: [UInt8], authenticating aad: [UInt8], into sealed: inout [UInt8]) {
    let context = take(idleSealing, sealing: 1)
    defer { idleSealing.withLock { $0.append(context) } }
    let count = plain.count
    let start = sealed.count
    sealed.append(contentsOf: repeatElement(0, count: count + Self.tagBytes))
    let isDone = sealed.withUnsafeMutableBufferPointer { buffer in
      guard let out = buffer.baseAddress.map({ $0 + start }) else { return false }
      var written: Int32 = 0
      return EVP_EncryptInit_ex(context.pointer, nil, nil, nil, nonce) == 1
        && EVP_EncryptUpdate(context.pointer, nil, &written, aad, Int32(aad.count)) == 1
        && EVP_EncryptUpdate(context.pointer, out, &written, plain, Int32(count)) == 1
        && EVP_EncryptFinal_ex(context.pointer, out + count, &written) == 1
        && EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagBytes), out + count) == 1
    }
    // Nothing here depends on what is sealed: libcrypto has no memory, or no AES.
    guard isDone else { preconditionFailure("libcrypto does not seal") }
  }

  /// The plain bytes, or `nil` where tag, nonce or additional data aren't those of the sealing.
  func open(
    _ cipher: ArraySlice<UInt8>, tag: ArraySlice<UInt8>, nonce: ArraySlice<UInt8>, authenticating aad: [UInt8]
  ) -> [UInt8]? {
    guard tag.count == Self.tagBytes, nonce.count == Self.nonceBytes else { return nil }
    let context = take(idleOpening, sealing: 0)
    defer { idleOpening.withLock { $0.append(context) } }
    var isAuthentic = false
    let plain = [UInt8](unsafeUninitializedCapacity: cipher.count + 1) { out, initialized in
      var written: Int32 = 0
      // The parameter isn't const, and isn't written to.
      var expected = Array(tag)
      isAuthentic =
        nonce.withUnsafeBufferPointer {
          EVP_DecryptInit_ex(context.pointer, nil, nil, nil, $0.baseAddress) == 1
        }
        && EVP_DecryptUpdate(context.pointer, nil, &written, aad, Int32(aad.count)) == 1
        && cipher.withUnsafeBufferPointer {
          EVP_DecryptUpdate(context.pointer, out.baseAddress, &written, $0.baseAddress, Int32($0.count)) == 1
        }
        && EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagBytes), &expected) == 1
        && EVP_DecryptFinal_ex(context.pointer, nil, &written) == 1
      initialized = isAuthentic ? cipher.count : 0
    }
    return isAuthentic ? plain : nil
  }

  private func take(_ idle: borrowing Mutex<[Context]>, sealing: Int32) -> Context {
    if let context = idle.withLock({ $0.popLast() }) { return context }
    guard let pointer = EVP_CIPHER_CTX_new(),
      EVP_CipherInit_ex(pointer, EVP_aes_256_gcm(), nil, bytes, nil, sealing) == 1
    else { preconditionFailure("libcrypto has no AES-256-GCM") }
    return Context(pointer: pointer)
  }
}
