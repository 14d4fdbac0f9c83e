#pragma once
// HMAC-SHA-256 (RFC 2104), by OpenSSL.

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "shared/base/bytes.h"
#include "shared/base/check.h"
#include "shared/crypto/sha256.h"

namespace sluice {

inline Sha256 hmac_sha256(ByteView key, ByteView text) {
  Sha256 digest;
  unsigned int size = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
             &size) != nullptr);
  CHECK(size == digest.size());
  return digest;
}

// Takes as long for a wrong one as for the right one.
inline bool is_digest(ByteView given, const Sha256& digest) {
  return given.size() == digest.size() &&
         CRYPTO_memcmp(given.data(), digest.data(), digest.size()) == 0;
}

}  // namespace sluice
