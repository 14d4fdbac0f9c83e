#include "shared/http/response.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "shared/http/request.h"

namespace sluice::http {

std::string_view reason_phrase(int status) {
  static constexpr std::array<std::pair<int, std::string_view>, 44> kPhrases{{
      {100, "Continue"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {416, "Range Not Satisfiable"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Content"},
      {423, "Locked"},
      {424, "Failed Dependency"},
      {425, "Too Early"},
      {426, "Upgrade Required"},
      {428, "Precondition Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"},
  }};
  const auto* found =
      std::ranges::lower_bound(kPhrases, status, {}, &std::pair<int, std::string_view>::first);
  return found != kPhrases.end() && found->first == status ? found->second : "Unknown";
}

Response::Response(int status, std::string_view content_type, Buffer body)
    : status(status), body(std::move(body)) {
  add("Content-Type", content_type);
}

Response Response::text(int status, Buffer body) {
  return Response(status, "text/plain; charset=utf-8", std::move(body));
}

Response Response::json(int status, Buffer body) {
  return Response(status, "application/json", std::move(body));
}

Response& Response::add(std::string_view name, std::string_view value) {
  header_lines_.append(name).append(": ");
  for (const char c : value) {
    const bool is_control = (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    header_lines_ += is_control ? ' ' : c;
  }
  header_lines_.append("\r\n");
  return *this;
}

namespace {

// In "Name: value\r\n" a line.
std::string_view find_header(std::string_view rest, std::string_view name) {
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(line.size() + 2);
    const auto colon = line.find(": ");
    if (equal_ignoring_case(line.substr(0, colon), name)) return line.substr(colon + 2);
  }
  return {};
}

}  // namespace

std::string_view Response::header(std::string_view name) const {
  return find_header(header_lines_, name);
}

std::string_view StaticResponse::header(std::string_view name) const {
  return find_header(std::string_view(after_date_).substr(2), name);
}

bool Response::may_have_body() const {
  return status >= 200 && status != 204 && status != 304;
}

namespace {

std::string_view connection_line(Persistence persistence) {
  switch (persistence) {
    case Persistence::keep:
      return "";
    case Persistence::keep_1_0:
      return "Connection: keep-alive\r\n";
    case Persistence::close:
      return "Connection: close\r\n";
  }
  return "";
}

void append_before_date(Buffer& to, int status) {
  fmt::format_to(std::back_inserter(to), "HTTP/1.1 {} {}\r\nDate: ", status, reason_phrase(status));
}

void append_after_date(Buffer& to, const Response& response) {
  to.append("\r\n");
  if (response.may_have_body() && response.stream == nullptr) {
    fmt::format_to(std::back_inserter(to), "Content-Length: {}\r\n", response.body.size());
  }
  to.append(response.header_lines());
}

}  // namespace

void append_head(Buffer& to, const Response& response, ByteView date, Persistence persistence) {
  append_before_date(to, response.status);
  to.append(date);
  append_after_date(to, response);
  to.append(connection_line(persistence)).append("\r\n");
}

StaticResponse::StaticResponse(const Response& response) : status_(response.status) {
  append_before_date(before_date_, response.status);
  append_after_date(after_date_, response);
  blank_and_body_ = "\r\n";
  if (response.may_have_body()) blank_and_body_ += response.body;
}

void StaticResponse::append_to(Buffer& to, ByteView date, Persistence persistence,
                               bool head_only) const {
  to.append(before_date_).append(date).append(after_date_).append(connection_line(persistence));
  if (head_only) {
    to.append("\r\n");
  } else {
    to.append(blank_and_body_);
  }
}

std::string http_date(WallTime at) {
  static constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed",
                                                         "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::chrono::sys_time<Millis> time{Millis(at.unix_millis)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(time - day)};
  return fmt::format(
      "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday(day).c_encoding()],
      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
      static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
      clock.seconds().count());
}

}  // namespace sluice::http
