#include "frontend/handlers/inner_api.h"

#include <algorithm>
#include <charconv>
#include <variant>

#include "shared/base/check.h"

namespace sluice::frontend {
namespace {

namespace json = boost::json;

// What says who the visitor is and where he comes from. Nothing else of his goes in.
constexpr std::string_view kPassedOn[] = {"Host",      "Cookie",         "Authorization",
                                          "Origin",    "Sec-Fetch-Site", "Early-Data",
                                          "Forwarded", "X-Forwarded-For"};

void add_header(http::Request& request, ByteView name, ByteView value) {
  CHECK(request.header_count < http::Request::kHeadersMax);
  request.header_array[request.header_count++] = {name, value};
}

// Of the question, whose bytes it is views into.
http::Request request_of(const http::Request& visitor, const InnerApi::Question& question) {
  http::Request request;
  request.peer = visitor.peer;
  request.method = question.method;
  request.target = request.path = question.path;
  request.body = question.body;
  for (const http::Header& header : visitor.headers()) {
    const bool passes = std::ranges::any_of(kPassedOn, [&](std::string_view name) {
      return http::equal_ignoring_case(header.name, name);
    });
    // Room for ours; nobody has so many of these.
    if (passes && request.header_count < http::Request::kHeadersMax / 2) {
      add_header(request, header.name, header.value);
    }
  }
  for (const auto& [name, value] : question.headers) add_header(request, name, value);
  return request;
}

// Of a Response or a StaticResponse.
InnerApi::Reply reply_of(int status, ByteView body, const auto& response) {
  InnerApi::Reply reply{.status = status,
                        .body = {},
                        .set_cookie = std::string(response.header("Set-Cookie")),
                        .retry_after = std::string(response.header("Retry-After"))};
  boost::system::error_code error;
  json::value value = json::parse(body, error);
  if (!error && value.is_object()) reply.body = std::move(value.as_object());
  return reply;
}

InnerApi::Reply reply_of(const http::Response& response) {
  return reply_of(response.status, response.body, response);
}

}  // namespace

InnerApi::InnerApi(const Api& api) {
  add_place_order(router_, api);
  add_purchase_token(router_, api);
  add_waiting_room(router_, api);
  add_order_end(router_, api);
}

std::string_view InnerApi::Reply::text(std::string_view member) const {
  const json::value* value = body.if_contains(member);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::int64_t InnerApi::Reply::number(std::string_view member) const {
  const json::value* value = body.if_contains(member);
  const std::int64_t* number = value == nullptr ? nullptr : value->if_int64();
  return number == nullptr ? 0 : *number;
}

std::int64_t InnerApi::Reply::retry_after_seconds() const {
  std::int64_t seconds = 0;
  std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
  return seconds;
}

Task<InnerApi::Reply> InnerApi::ask(const http::Request& visitor, Question question) {
  http::Request request = request_of(visitor, question);
  http::Answer answer = router_.route(request);
  if (const auto* ready = std::get_if<const http::StaticResponse*>(&answer)) {
    co_return reply_of((*ready)->status(), (*ready)->body(), **ready);
  }
  if (const auto* response = std::get_if<http::Response>(&answer)) co_return reply_of(*response);
  co_return reply_of(co_await std::move(std::get<Task<http::Response>>(answer)));
}

}  // namespace sluice::frontend
