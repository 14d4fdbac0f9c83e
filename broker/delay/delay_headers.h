#pragma once
// How a record asks for delayed delivery: a header with the time, or with the delay. Any Kafka
// client can set one. Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/wire/record.h"

namespace sluice::broker {

// The topic configuration that heeds the headers; without it they mean nothing.
inline constexpr std::string_view kDelayConfig = "delivery.delay.enable";

// Unix time in milliseconds at which the record is due, in decimal digits.
inline constexpr std::string_view kDeliverAtHeader = "deliver-at";
// Milliseconds from the record's arrival at the broker, in decimal digits.
inline constexpr std::string_view kDelayMsHeader = "delay-ms";

// A year, leap years too. Further ahead is more likely a mistake in the unit than a wish.
inline constexpr std::int64_t kDelayMaxMs = std::int64_t{366} * 86'400'000;

// False: no record of these bytes has such a header. Cheap beside reading them.
bool may_have_delay_headers(ByteView plain_records);

// When the record is due, Unix ms; nothing: it has no such header. Code::invalid names the header:
// it is not a number, too far ahead, or there is more than one.
Result<std::optional<std::int64_t>> due_of(std::span<const wire::Record::Header> headers,
                                           WallTime now);

}  // namespace sluice::broker
