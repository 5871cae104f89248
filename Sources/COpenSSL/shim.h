// AES-256-GCM of the system's libcrypto.
#include <openssl/evp.h>
