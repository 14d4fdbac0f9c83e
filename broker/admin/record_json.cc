#include "broker/admin/record_json.h"

#include <utility>

#include <fmt/format.h>

#include "shared/base/base64.h"
#include "shared/base/utf8.h"
#include "shared/config/text.h"
#include "shared/http/problem.h"

namespace sluice::broker {
namespace {

// A record above this is shown without value and headers: JSON makes them up to six times as long.
constexpr std::size_t kShownBytesMax = 1 << 20;

// `"name":"text"`, or `"name_base64":"…"` for what is not UTF-8.
void append_bytes(Buffer& to, std::string_view name, const std::optional<Buffer>& bytes) {
  if (!bytes) {
    to += fmt::format("\"{}\":null", name);
  } else if (is_utf8(*bytes)) {
    to += fmt::format("\"{}\":", name);
    http::append_json_string(to, *bytes);
  } else {
    to += fmt::format("\"{}_base64\":\"{}\"", name, base64(*bytes));
  }
}

}  // namespace

http::Response problem(int status, std::string_view code, std::string_view detail) {
  return http::Problem(status, code).detail(detail).response();
}

http::Response no_topic(std::string_view topic) {
  return problem(404, "not-found", fmt::format("there is no topic {}", topic));
}

Result<std::int64_t> number_of(std::string_view name, std::string_view text, std::int64_t least,
                               std::int64_t most) {
  const auto number = config::parse_integer(text);
  if (number && *number >= least && *number <= most) return *number;
  return fail(Code::invalid, fmt::format("{} is a number from {} to {}", name, least, most));
}

void append_content(Buffer& to, const std::optional<Buffer>& key, const FoundRecord& record) {
  append_bytes(to, "key", key);
  std::size_t size = record.value ? record.value->size() : 0;
  for (const auto& [name, value] : record.headers) {
    size += name.size() + (value ? value->size() : 0);
  }
  if (size > kShownBytesMax) {
    to += fmt::format(",\"left_off_bytes\":{}", size);
    return;
  }
  to += ',';
  append_bytes(to, "value", record.value);
  to += ",\"headers\":[";
  for (bool first = true; const auto& [name, value] : record.headers) {
    to += std::exchange(first, false) ? "{" : ",{";
    append_bytes(to, "name", name);
    to += ',';
    append_bytes(to, "value", value);
    to += '}';
  }
  to += ']';
}

}  // namespace sluice::broker
