#include "frontend/request_fields.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "frontend/quality_values.h"
#include "shared/base/utf8.h"
#include "shared/ledger/event.h"

namespace sluice::frontend {
namespace {

ByteView trimmed(ByteView text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool lists(ByteView list, ByteView tag, bool weak_counts) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    ByteView one = trimmed(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (weak_counts && one.starts_with("W/")) one.remove_prefix(2);
    if (one == tag || one == "*") return true;
  }
  return false;
}

}  // namespace

bool is_text(ByteView text, std::size_t max_bytes) {
  return ledger::is_plain_text(text, max_bytes) && is_utf8(text);
}

Result<std::optional<std::string>> idempotency_key(const http::Request& request,
                                                   std::size_t max_bytes) {
  const auto header = request.header("Idempotency-Key");
  if (!header) return std::nullopt;
  ByteView key = *header;
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') {
    key = key.substr(1, key.size() - 2);
  }
  if (!is_text(key, max_bytes)) {
    return fail(Code::invalid,
                fmt::format("Idempotency-Key: must have 1 to {} bytes of UTF-8 text", max_bytes));
  }
  return std::string(key);
}

std::optional<ByteView> bearer_token(const http::Request& request) {
  constexpr ByteView kScheme = "Bearer ";
  const ByteView given = request.header("Authorization").value_or(ByteView());
  if (!http::equal_ignoring_case(given.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  return given.substr(kScheme.size());
}

bool is_from_another_origin(const http::Request& request) {
  if (const auto site = request.header("Sec-Fetch-Site")) {
    return *site != "same-origin" && *site != "none";
  }
  const auto origin = request.header("Origin");
  if (!origin) return false;
  const auto scheme = origin->find("://");  // "null" has none
  return scheme == origin->npos ||
         !http::equal_ignoring_case(origin->substr(scheme + 3),
                                    request.header("Host").value_or(ByteView()));
}

bool says_json(const http::Request& request) {
  constexpr ByteView kKind = "application/";
  const auto header = request.header("Content-Type");
  if (!header || request.body.empty()) return true;
  const ByteView type = trimmed(header->substr(0, header->find(';')));
  if (!http::equal_ignoring_case(type.substr(0, kKind.size()), kKind)) return false;
  const ByteView name = type.substr(kKind.size());
  constexpr ByteView kSuffix = "+json";
  const bool is_written_so =
      name.size() > kSuffix.size() &&
      http::equal_ignoring_case(name.substr(name.size() - kSuffix.size()), kSuffix);
  return is_written_so || http::equal_ignoring_case(name, "json");
}

std::optional<ByteView> cookie_value(const http::Request& request, std::string_view name) {
  for (const http::Header& line : request.headers()) {
    if (!http::equal_ignoring_case(line.name, "Cookie")) continue;
    ByteView rest = line.value;
    while (!rest.empty()) {
      const auto end = std::min(rest.find(';'), rest.size());
      const ByteView pair = trimmed(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const auto equals = pair.find('=');
      if (equals != pair.npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
    }
  }
  return std::nullopt;
}

std::optional<std::chrono::seconds> preferred_wait(const http::Request& request) {
  constexpr ByteView kWait = "wait=";
  ByteView rest = request.header("Prefer").value_or(ByteView());
  while (!rest.empty()) {
    const auto comma = std::min(rest.find(','), rest.size());
    const ByteView one = trimmed(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (!http::equal_ignoring_case(one.substr(0, kWait.size()), kWait)) continue;
    std::uint32_t seconds = 0;
    const ByteView number = one.substr(kWait.size());
    const char* const end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, seconds);
    if (error == std::errc() && stop == end) return std::chrono::seconds(seconds);
  }
  return std::nullopt;
}

bool lists_tag(ByteView list, ByteView tag) {
  return lists(list, tag, true);
}

bool lists_strong_tag(ByteView list, ByteView tag) {
  return lists(list, tag, false);
}

bool accepts_gzip(const http::Request& request) {
  ByteView list = request.header("Accept-Encoding").value_or(ByteView());
  int any = 0;
  while (!list.empty()) {
    const auto [coding, weight] = take_weighted(list);
    if (http::equal_ignoring_case(coding, "gzip")) return weight > 0;
    if (coding == "*") any = weight;
  }
  return any > 0;
}

}  // namespace sluice::frontend
