#include "tests/sim/history.h"

#include <cstdlib>

#include <fmt/format.h>

namespace sluice::sim {
namespace {

std::string text_of(const Place& place, std::int64_t offset) {
  return fmt::format("{}-{} offset {}", place.first, place.second, offset);
}

}  // namespace

std::string record_id(const wire::Record& record) {
  for (const auto& header : record.headers) {
    if (header.key == "id" && header.value) return std::string(*header.value);
  }
  return {};
}

void History::fail(std::string what) {
  if (!failure_) failure_ = std::move(what);
}

void History::acknowledged(const Place& place, std::int64_t offset, const std::string& id) {
  const auto [entry, first] = acknowledged_[place].emplace(offset, id);
  if (!first && entry->second != id) {
    fail(fmt::format("{} was acknowledged for two records, {} and {}", text_of(place, offset),
                     entry->second, id));
  }
}

void History::read(const Place& place, const wire::Record& record) {
  const std::string id = record_id(record);
  const std::string value(record.value.value_or(ByteView()));
  const auto [entry, first] = seen_[place].emplace(record.offset, Seen{id, value});
  if (!first) {
    if (entry->second.id != id || entry->second.value != value) {
      fail(fmt::format("{} held record {} and now holds {}", text_of(place, record.offset),
                       entry->second.id, id));
    }
    return;
  }
  check_unique(place, record.offset, id);
}

void History::check_unique(const Place& place, std::int64_t offset, const std::string& id) {
  const auto [entry, first] = by_id_.emplace(id, std::pair(place, offset));
  if (!first) {
    fail(fmt::format("record {} is stored twice: {} and {}", id,
                     text_of(entry->second.first, entry->second.second), text_of(place, offset)));
  }
  const auto colon = id.find(':');
  if (!ordered_.contains(id.substr(0, colon))) return;
  const std::int64_t number = std::strtoll(id.c_str() + colon + 1, nullptr, 10);
  auto& numbers = order_[{place, id.substr(0, colon)}];
  const auto at = numbers.emplace(offset, number).first;
  const bool after = at == numbers.begin() || std::prev(at)->second < number;
  const bool before = std::next(at) == numbers.end() || number < std::next(at)->second;
  if (!after || !before) {
    fail(fmt::format("record {} at {} is out of its producer's order", id, text_of(place, offset)));
  }
}

void History::check_acknowledged() {
  for (const auto& [place, offsets] : acknowledged_) {
    const auto& seen = seen_[place];
    for (const auto& [offset, id] : offsets) {
      const auto found = seen.find(offset);
      if (found == seen.end()) {
        fail(fmt::format("record {} was acknowledged at {} and is not there", id,
                         text_of(place, offset)));
      } else if (found->second.id != id) {
        fail(fmt::format("{} was acknowledged for record {} and holds {}", text_of(place, offset),
                         id, found->second.id));
      }
    }
  }
}

std::int64_t History::records(const Place& place) const {
  const auto found = seen_.find(place);
  return found == seen_.end() ? 0 : static_cast<std::int64_t>(found->second.size());
}

}  // namespace sluice::sim
