#pragma once
// The topic that holds every fact of every sale: found or made, and whether it keeps them.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "shared/base/result.h"
#include "shared/client/admin.h"

namespace sluice::frontend {

// How many partitions the orders topic has; made with so many where there is none. Logs a warning
// where an operator's topic may drop records. Blocks for some seconds at most; errors as Admin's.
Result<std::int32_t> find_or_create_orders_topic(const client::Settings& settings,
                                                 std::int32_t partitions);

// "retention.ms=604800000": the first config by which a topic would drop facts.
std::optional<std::string> drops_records(std::span<const client::ConfigEntry> configs);

}  // namespace sluice::frontend
