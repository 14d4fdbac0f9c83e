#pragma once
// The topic that holds every fact of every sale: found or made, and whether it keeps them.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "shared/base/result.h"
#include "shared/client/admin.h"

namespace sluice::frontend {

// How many partitions the orders topic has; made with so many where there is none. Blocks for some
// seconds at most; errors as Admin's.
Result<std::int32_t> find_or_create_orders_topic(const client::Settings& settings,
                                                 std::int32_t partitions);

// Logs a warning where an operator's topic may drop records. No start waits for that: the answer is
// looked for now and then. For one thread.
class RetentionCheck {
 public:
  // Asks, and does not wait for a server.
  explicit RetentionCheck(const client::Settings& settings);

  // True: it was answered, or will not be, some seconds after it was asked at the latest. Never
  // waits.
  bool done();

 private:
  std::unique_ptr<client::Admin> admin_;         // none: it cannot be asked
  std::optional<client::ConfigsAnswer> answer_;  // goes before it
};

// "retention.ms=604800000": the first config by which a topic would drop facts.
std::optional<std::string> drops_records(std::span<const client::ConfigEntry> configs);

}  // namespace sluice::frontend
