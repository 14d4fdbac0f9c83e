#include "frontend/orders_topic.h"

#include <doctest/doctest.h>

#include <vector>

namespace sluice::frontend {

TEST_CASE("which configs of the orders topic drop facts") {
  struct Row {
    const char* name;
    std::optional<std::string> value;
    std::optional<std::string> found;
  };
  const Row rows[] = {
      {"retention.ms", "604800000", "retention.ms=604800000"},
      {"retention.ms", "-1", std::nullopt},
      {"retention.bytes", "1073741824", "retention.bytes=1073741824"},
      {"retention.bytes", "-1", std::nullopt},
      {"local.retention.ms", "-2", std::nullopt},
      {"cleanup.policy", "compact", "cleanup.policy=compact"},
      {"cleanup.policy", "compact,delete", "cleanup.policy=compact,delete"},
      {"cleanup.policy", "delete", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const std::vector<client::ConfigEntry> configs{{.name = "a", .value = "b"},
                                                   {.name = row.name, .value = row.value}};
    CHECK(drops_records(configs) == row.found);
  }
  CHECK_FALSE(drops_records({}));
}

}  // namespace sluice::frontend
