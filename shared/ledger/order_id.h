#pragma once
// Order ids are computed, not drawn: a client's plain retry after any crash names the same order.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::ledger {

inline constexpr std::size_t kOrderIdChars = 26;

// The id's 16 bytes: how the fold keeps it.
using PackedOrderId = std::array<unsigned char, 16>;

// 26 lower-case base32 characters (RFC 4648 alphabet, no padding) of the first 128 bits of SHA-256
// over the three inputs, each with its length before it, so that no two triples read the same.
// `key` is the client's Idempotency-Key or, without one, slot_key(n).
std::string order_id(std::string_view sale, std::string_view user, std::string_view key);

// The key of a user's n-th order without an Idempotency-Key: "slot:0".
std::string slot_key(std::int64_t slot);

// The bytes of a well-formed id; nothing for any other text.
std::optional<PackedOrderId> pack_order_id(std::string_view id);
std::string order_id_text(const PackedOrderId& id);

// All events of a sale live in one partition: the ledger needs one order and one fenced writer.
// FNV-1a 64 of the sale's id, modulo the count. REQUIRES: partition_count > 0.
std::int32_t partition_of(std::string_view sale, std::int32_t partition_count);

}  // namespace sluice::ledger
