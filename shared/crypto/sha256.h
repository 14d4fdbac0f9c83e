#pragma once
// SHA-256 of some bytes (FIPS 180-4), by OpenSSL.

#include <openssl/evp.h>

#include <array>

#include "shared/base/bytes.h"
#include "shared/base/check.h"

namespace sluice {

using Sha256 = std::array<unsigned char, 32>;

inline Sha256 sha256(ByteView bytes) {
  Sha256 digest;
  unsigned int size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  CHECK(size == digest.size());
  return digest;
}

inline ByteView bytes_of(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace sluice
