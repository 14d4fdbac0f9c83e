#include "shared/ledger/order_id.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "shared/base/bytes.h"
#include "shared/base/check.h"

namespace sluice::ledger {

namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";

// By character: its value in base32, or -1.
constexpr std::array<signed char, 256> kValues = [] {
  std::array<signed char, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<signed char>(i);
  }
  return values;
}();

}  // namespace

std::string order_id_text(const PackedOrderId& id) {
  std::string text;
  text.reserve(kOrderIdChars);
  std::uint32_t bits = 0;
  int count = 0;
  for (const unsigned char byte : id) {
    bits = (bits << 8) | byte;
    count += 8;
    while (count >= 5) {
      count -= 5;
      text += kAlphabet[(bits >> count) & 31];
    }
  }
  text += kAlphabet[(bits << (5 - count)) & 31];  // 128 = 25 * 5 + 3
  return text;
}

std::optional<PackedOrderId> pack_order_id(std::string_view id) {
  if (id.size() != kOrderIdChars) return std::nullopt;
  PackedOrderId packed;
  std::size_t at = 0;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : id) {
    const int value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = (bits << 5) | static_cast<std::uint32_t>(value);
    count += 5;
    if (count >= 8) {
      count -= 8;
      packed[at++] = static_cast<unsigned char>(bits >> count);
    }
  }
  // The last character has two bits to spare: only zeros are canonical, so that an id has one text.
  if ((bits & 3) != 0) return std::nullopt;
  return packed;
}

std::string order_id(std::string_view sale, std::string_view user, std::string_view key) {
  Buffer input;
  input.reserve(12 + sale.size() + user.size() + key.size());
  for (const std::string_view part : {sale, user, key}) {
    append_be(input, static_cast<std::uint32_t>(part.size()));
    input.append(part);
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  CHECK(EVP_Digest(input.data(), input.size(), digest, &size, EVP_sha256(), nullptr) == 1);
  PackedOrderId packed;
  std::copy_n(digest, packed.size(), packed.begin());
  return order_id_text(packed);
}

std::string slot_key(std::int64_t slot) {
  return fmt::format("slot:{}", slot);
}

std::int32_t partition_of(std::string_view sale, std::int32_t partition_count) {
  CHECK(partition_count > 0);
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : sale) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return static_cast<std::int32_t>(hash % static_cast<std::uint64_t>(partition_count));
}

}  // namespace sluice::ledger
