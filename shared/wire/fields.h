#pragma once
// How a message describes itself. Each message is a plain struct with its key, version range and
// `flexible_from`, and one function template
//
//   template <class Io, class M>
//   static void fields(Io& io, M& m) {
//     io("throttle_time_ms", m.throttle_time_ms, {.since = 1});
//     io.bytes("member_metadata", m.member_metadata);
//     io.tagged(0, "current_leader", m.current_leader, {.since = 12});
//   }
//
// that names each field once, by Kafka's schema name and in wire order. The visitors (encode.h,
// decode.h, print.h) derive everything from it. Members may be integers, bool, enums of an integer,
// std::string, Uuid, a struct with `fields`, std::vector of those, and std::optional of a string or
// vector where Kafka says nullable. Bytes are Buffer or ByteView members, through io.bytes. Tagged
// fields (KIP-482) stand in the tag buffer of their struct and are not sent at their default.
// A field that a version lacks is skipped on encode and keeps its default on decode. An absent
// optional encodes as empty in versions that cannot say null.

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/wire/api_key.h"
#include "shared/wire/error_code.h"

namespace sluice::wire {

// In *_authorized_operations: they were not asked for.
inline constexpr std::int32_t kNoAuthorizedOperations = std::numeric_limits<std::int32_t>::min();

// Where a field is on the wire.
struct Field {
  std::int16_t since = 0;
  std::int16_t until = std::numeric_limits<std::int16_t>::max();
  std::int16_t nullable_since = 0;  // says something only for optional members
  std::int64_t absent = 0;          // tagged integers only: the value that is not sent

  constexpr bool in(std::int16_t version) const { return version >= since && version <= until; }
  constexpr bool nullable(std::int16_t version) const { return version >= nullable_since; }
};

// The 16 bytes of a UUID; all zero stands for none.
struct Uuid {
  std::array<char, 16> bytes{};

  ByteView view() const { return {bytes.data(), bytes.size()}; }
  bool is_zero() const { return *this == Uuid{}; }
  friend bool operator==(const Uuid&, const Uuid&) = default;
  friend auto operator<=>(const Uuid&, const Uuid&) = default;

  // REQUIRES: 16 bytes, as random_uuid makes them.
  static Uuid from(ByteView bytes) {
    Uuid uuid;
    bytes.copy(uuid.bytes.data(), uuid.bytes.size());
    return uuid;
  }
};

}  // namespace sluice::wire
