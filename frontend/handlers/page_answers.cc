#include "frontend/handlers/page_answers.h"

#include <string>
#include <utility>

#include <fmt/format.h>

#include "frontend/form.h"
#include "frontend/public_sale.h"
#include "frontend/request_fields.h"

namespace sluice::frontend {
namespace {

constexpr std::string_view kBuyerCookie = "sluice-buyer";
constexpr std::string_view kPolicy =
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'";
// Seconds until a browser asks again while the log is being read.
constexpr std::string_view kStartingRetry = "2";

}  // namespace

const SalePages& pages() {
  static const SalePages pages;
  return pages;
}

void add_security(http::Response& response) {
  response.add("Content-Security-Policy", kPolicy);
  response.add("X-Content-Type-Options", "nosniff");
  response.add("Referrer-Policy", "same-origin");
}

PageVisit visit_of(const Api& api, const http::Request& request) {
  PageVisit visit;
  const auto chosen = language_named(request.query_value("lang").value_or(ByteView()));
  visit.language_chosen = chosen.has_value();
  visit.language =
      chosen.value_or(preferred_language(request.header("Accept-Language").value_or(ByteView())));
  visit.path = request.path;
  visit.now = api.clock.wall();
  visit.payment_url = api.payment_url;
  visit.login_url = api.login_url;
  visit.is_proven = api.identity.is_proven();
  return visit;
}

std::optional<SaleView> view_of(const SaleStock& sale, WallTime now) {
  const std::int64_t available = sale.available();
  const ledger::SaleStage stage = shown_stage(sale, available, now);
  if (stage == ledger::SaleStage::draft) return std::nullopt;
  return SaleView{&sale.definition(), stage, available};
}

http::Response page(int status, const PageVisit& visit, Buffer html) {
  http::Response response(status, "text/html; charset=utf-8", std::move(html));
  response.add("Content-Language", code_of(visit.language));
  response.add("Vary", "Accept-Language");
  add_security(response);
  return response;
}

http::Response private_page(int status, const PageVisit& visit, Buffer html) {
  return std::move(page(status, visit, std::move(html)).add("Cache-Control", "private, no-store"));
}

http::Response notice(int status, const PageVisit& visit, std::string_view key) {
  return private_page(status, visit, pages().notice(visit, key));
}

http::Response starting_page(const PageVisit& visit) {
  http::Response response = notice(503, visit, "starting");
  response.add("Retry-After", kStartingRetry).add("Refresh", kStartingRetry);
  return response;
}

UserName buyer_of(const Api& api, const http::Request& request) {
  if (api.identity.is_proven()) {
    return api.identity.user_of(request, api.clock.wall()).value_or(UserName());
  }
  const auto kept = cookie_value(request, kBuyerCookie);
  if (!kept) return {};
  return UserName(http::percent_decode(*kept).value_or(std::string()));
}

// Not Secure: the service itself speaks HTTP, and an edge that speaks TLS may add that.
void keep_buyer(http::Response& response, std::string_view user, std::int64_t seconds) {
  response.add("Set-Cookie", fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax",
                                         kBuyerCookie, percent_encode(user), seconds));
}

http::Response see_other(const std::string& target) {
  http::Response response(303);
  response.add("Location", target).add("Cache-Control", "no-store");
  return response;
}

}  // namespace sluice::frontend
