#pragma once
// Bytes are chars: the sockets, RocksDB, librdkafka and llhttp all speak char*, so the standard
// string types carry them without a cast. A ByteView never owns; a Buffer does.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace sluice {

using ByteView = std::string_view;
using Buffer = std::string;

// Big-endian (network order) integers: keys sort by value, and Kafka's wire uses them.
// REQUIRES: at least sizeof(T) bytes at `from` / `to`.
template <std::integral T>
T load_be(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  return value;
}

template <std::integral T>
void store_be(char* to, T value) {
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  std::memcpy(to, &value, sizeof value);
}

template <std::integral T>
void append_be(Buffer& to, T value) {
  char bytes[sizeof value];
  store_be(bytes, value);
  to.append(bytes, sizeof bytes);
}

}  // namespace sluice
