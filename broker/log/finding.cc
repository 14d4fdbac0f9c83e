#include "broker/log/finding.h"

#include <fmt/format.h>

namespace sluice::broker {

std::string Finding::text() const {
  std::string where;
  const auto add = [&where](const std::string& word) {
    where += (where.empty() ? "" : " ") + word;
  };
  if (!topic.empty()) add(fmt::format("topic {}", topic));
  if (partition >= 0) add(fmt::format("partition {}", partition));
  if (offset >= 0) add(fmt::format("offset {}", offset));
  if (!file.empty()) add(file);
  if (at >= 0) add(fmt::format("at byte {}", at));
  return where.empty() ? what : fmt::format("{}: {}", where, what);
}

}  // namespace sluice::broker
