#include "frontend/orders_topic.h"

#include <fmt/format.h>

#include <algorithm>

#include "shared/ledger/topic.h"
#include "shared/log/log.h"

namespace sluice::frontend {
namespace {

constexpr Millis kAdminTimeout{2'000};

// 0 when it does not exist. Asks for metadata only, which needs no right to read configurations.
Result<std::int32_t> partition_count(client::Admin& admin) {
  TRY(topics, admin.list_topics());
  const auto topic = std::ranges::find(topics, ledger::kOrdersTopic, &client::TopicInfo::name);
  return topic == topics.end() ? 0 : static_cast<std::int32_t>(topic->partitions.size());
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

// A cluster's defaults drop what is a week old.
RetentionCheck::RetentionCheck(const client::Settings& settings) {
  auto admin = client::Admin::open(settings, kAdminTimeout);
  if (!admin) return;
  admin_ = std::move(*admin);
  answer_ = admin_->ask_configs(std::string(ledger::kOrdersTopic));
}

// Who may not read configurations is not warned.
bool RetentionCheck::done() {
  if (!answer_) return true;
  const auto configs = answer_->poll();
  if (!configs) return false;
  answer_.reset();
  const auto config = *configs ? drops_records(**configs) : std::nullopt;
  if (config) {
    log::warning("{} may drop records, without which no stock can be known: {}",
                 ledger::kOrdersTopic, *config);
  }
  return true;
}

Result<std::int32_t> find_or_create_orders_topic(const client::Settings& settings,
                                                 std::int32_t partitions) {
  TRY(admin, client::Admin::open(settings, kAdminTimeout));
  TRY(found, partition_count(*admin));
  if (found > 0) return found;
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
