#include "frontend/orders_topic.h"

#include <fmt/format.h>

#include <algorithm>

#include "shared/ledger/topic.h"
#include "shared/log/log.h"

namespace sluice::frontend {
namespace {

constexpr Millis kAdminTimeout{2'000};
constexpr Millis kConfigsTimeout{300};  // a start waits for them, and all they bring is a warning

// 0 when it does not exist. Asks for metadata only, which needs no right to read configurations.
Result<std::int32_t> partition_count(client::Admin& admin) {
  TRY(topics, admin.list_topics());
  const auto topic = std::ranges::find(topics, ledger::kOrdersTopic, &client::TopicInfo::name);
  return topic == topics.end() ? 0 : static_cast<std::int32_t>(topic->partitions.size());
}

// A cluster's defaults drop what is a week old. Who may not read configurations is not warned.
void warn_if_dropped(const client::Settings& settings) {
  const auto admin = client::Admin::open(settings, kConfigsTimeout);
  if (!admin) return;
  const auto topic = (*admin)->describe_topic(std::string(ledger::kOrdersTopic));
  if (!topic) return;
  if (const auto config = drops_records(topic->configs)) {
    log::warning("{} may drop records, without which no stock can be known: {}",
                 ledger::kOrdersTopic, *config);
  }
}

}  // namespace

std::optional<std::string> drops_records(std::span<const client::ConfigEntry> configs) {
  for (const client::ConfigEntry& config : configs) {
    const std::string value = config.value.value_or("");
    const bool limit = config.name == "retention.ms" || config.name == "retention.bytes";
    const bool compacted = config.name == "cleanup.policy" && value.contains("compact");
    if ((limit && value != "-1") || compacted) return fmt::format("{}={}", config.name, value);
  }
  return std::nullopt;
}

Result<std::int32_t> find_or_create_orders_topic(const client::Settings& settings,
                                                 std::int32_t partitions) {
  TRY(admin, client::Admin::open(settings, kAdminTimeout));
  TRY(found, partition_count(*admin));
  if (found > 0) {
    warn_if_dropped(settings);
    return found;
  }
  // Nothing of a sale may ever be dropped by age or size.
  TRY_VOID(admin->create_topic({.name = std::string(ledger::kOrdersTopic),
                                .partitions = partitions,
                                .configs = {{"retention.ms", "-1"}, {"retention.bytes", "-1"}}}));
  TRY(created, partition_count(*admin));
  if (created > 0) return created;
  return fail(Code::unavailable,
              fmt::format("{} was created and is not there yet", ledger::kOrdersTopic));
}

}  // namespace sluice::frontend
