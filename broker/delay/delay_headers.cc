#include "broker/delay/delay_headers.h"

#include <charconv>
#include <string>

#include <fmt/format.h>

namespace sluice::broker {
namespace {

// What of a wrong value is worth showing.
constexpr std::size_t kShownBytes = 40;

std::string shown(std::optional<ByteView> value) {
  if (!value) return "null";
  std::string text;
  for (const char byte : value->substr(0, kShownBytes)) {
    text += byte >= ' ' && byte <= '~' ? byte : '?';
  }
  return fmt::format("\"{}\"{}", text, value->size() > kShownBytes ? "..." : "");
}

std::optional<std::int64_t> number_in(std::optional<ByteView> value) {
  if (!value || value->empty() || value->front() == '-') return std::nullopt;
  std::int64_t number = 0;
  const char* end = value->data() + value->size();
  const auto [stopped, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

Result<std::int64_t> due_in(const wire::Record::Header& header, WallTime now) {
  const bool absolute = header.key == kDeliverAtHeader;
  const auto number = number_in(header.value);
  if (!number) {
    return fail(Code::invalid,
                fmt::format("header {} is {}: {} in decimal digits is wanted", header.key,
                            shown(header.value),
                            absolute ? "a Unix time in milliseconds" : "a number of milliseconds"));
  }
  const std::int64_t ahead = absolute ? *number - now.unix_millis : *number;
  if (ahead > kDelayMaxMs) {
    return fail(Code::invalid,
                fmt::format("header {} is {}: that is {} ms ahead, {} (366 days) is the most",
                            header.key, *number, ahead, kDelayMaxMs));
  }
  return now.unix_millis + ahead;
}

}  // namespace

bool may_have_delay_headers(ByteView plain_records) {
  return plain_records.find(kDeliverAtHeader) != ByteView::npos ||
         plain_records.find(kDelayMsHeader) != ByteView::npos;
}

Result<std::optional<std::int64_t>> due_of(std::span<const wire::Record::Header> headers,
                                           WallTime now) {
  const wire::Record::Header* asks = nullptr;
  for (const wire::Record::Header& header : headers) {
    if (header.key != kDeliverAtHeader && header.key != kDelayMsHeader) continue;
    if (asks != nullptr) {
      return fail(Code::invalid,
                  fmt::format("headers {} and {}: a record may have one of {} and {}", asks->key,
                              header.key, kDeliverAtHeader, kDelayMsHeader));
    }
    asks = &header;
  }
  if (asks == nullptr) return std::nullopt;
  TRY(due, due_in(*asks, now));
  return due;
}

}  // namespace sluice::broker
