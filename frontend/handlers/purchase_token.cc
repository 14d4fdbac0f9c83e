// GET /v1/sales/{sale}/challenge and POST /v1/sales/{sale}/purchase-token: the way to an order of a
// sale that asks for more than a name. Before the start neither is there.

#include <boost/json.hpp>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "frontend/handlers/api.h"
#include "frontend/handlers/rate_refusals.h"
#include "frontend/handlers/refusals.h"
#include "frontend/handlers/sold_out.h"
#include "frontend/request_fields.h"
#include "frontend/time_text.h"

namespace sluice::frontend {
namespace {

namespace json = boost::json;

using ledger::SaleStage;
using Work = PurchaseTokens::Work;

struct Solution {
  std::string challenge;
  std::string nonce;
};

// Longer ones are none of ours.
constexpr std::size_t kMaxChallengeBytes = 128;

Result<Solution> read_solution(ByteView body) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return fail(Code::invalid, "body: must be a JSON object");
  const auto text = [&](std::string_view field, std::size_t max_bytes) -> Result<std::string> {
    const json::value* one = object->if_contains(field);
    if (one != nullptr && one->is_string() && is_text(one->get_string(), max_bytes)) {
      return std::string(one->get_string());
    }
    return fail(Code::invalid,
                fmt::format("{}: must be a string of 1 to {} bytes", field, max_bytes));
  };
  TRY(challenge, text("challenge", kMaxChallengeBytes));
  TRY(nonce, text("nonce", kMaxNonceBytes));
  return Solution{.challenge = std::move(challenge), .nonce = std::move(nonce)};
}

http::Response work_refused(const ledger::Sale& sale, std::string_view code,
                            std::string_view detail) {
  return problem(403, code, "The work for a purchase token is not done")
      .detail(detail)
      .member("difficulty", sale.proof_of_work)
      .response();
}

// Nothing: the work is done.
std::optional<http::Response> refuse_work(const Api& api, const ledger::Sale& sale,
                                          std::string_view user, ByteView body, WallTime now) {
  if (sale.proof_of_work == 0) return std::nullopt;
  if (body.empty()) {
    return work_refused(sale, "work-required",
                        "Solve the challenge of the sale and send challenge and nonce");
  }
  const auto solution = read_solution(body);
  if (!solution) return bad_request(solution.error().context);
  switch (api.tokens.check_work(sale, user, solution->challenge, solution->nonce, now)) {
    case Work::done:
      return std::nullopt;
    case Work::too_little:
      return work_refused(sale, "work-invalid",
                          "SHA-256 of challenge:nonce does not begin with enough zero bits");
    case Work::outdated:
      return work_refused(sale, "work-invalid", "The challenge is over: ask for another");
    case Work::foreign:
      break;
  }
  return work_refused(sale, "work-invalid",
                      "The challenge is not of this sale, user and difficulty: ask for another");
}

class PurchaseToken {
 public:
  PurchaseToken(const Api& api, std::shared_ptr<const Refusals> refusals)
      : api_(api), refusals_(std::move(refusals)) {}

  http::Answer challenge(const http::Request& request) const {
    auto buyer = buyer_of(request, Asked::challenge);
    if (!buyer) return std::move(buyer.error());
    if (buyer->definition.proof_of_work == 0) return none();
    const Sealed sealed = api_.tokens.challenge(buyer->definition, buyer->user.view(), buyer->now);
    return shown(fmt::format(
        R"({{"challenge":"{}","algorithm":"sha256","difficulty":{},"expires_at":"{}"}})",
        sealed.text, buyer->definition.proof_of_work, rfc3339(sealed.end)));
  }

  http::Answer issue(const http::Request& request) const {
    auto buyer = buyer_of(request, Asked::purchase_token);
    if (!buyer) return std::move(buyer.error());
    if (!says_json(request)) return not_json();
    const std::string_view user = buyer->user.view();
    auto refusal = refuse_work(api_, buyer->definition, user, request.body, buyer->now);
    if (refusal) return std::move(*refusal);
    const Sealed sealed = api_.tokens.issue(buyer->definition, user, buyer->now);
    return shown(fmt::format(R"({{"purchase_token":"{}","expires_at":"{}"}})", sealed.text,
                             rfc3339(sealed.end)));
  }

 private:
  struct Buyer {
    const ledger::Sale& definition;
    UserName user;
    WallTime now;
  };

  // Somebody who could buy now. Cheapest check first, as for an order.
  std::expected<Buyer, http::Answer> buyer_of(const http::Request& request, Asked asked) const {
    const SaleStock* sale = api_.stock.find(request.param("sale"));
    if (!api_.ledger.ready()) return std::unexpected(http::Answer(&refusals_->not_ready));
    const WallTime now = api_.clock.wall();
    const ledger::Sale* definition = sale == nullptr ? nullptr : &sale->definition();
    if (definition == nullptr ||
        ledger::stage_of(*definition, now.unix_millis) != SaleStage::open ||
        !ledger::needs_purchase_token(*definition)) {
      return std::unexpected(none());
    }
    if (sale->sold_out()) return std::unexpected(http::Answer(sold_out(*sale, now)));
    if (auto refused = refuse_address(api_, asked, request)) {
      return std::unexpected(std::move(*refused));
    }
    auto user = api_.identity.user_of(request, now);
    if (!user) return std::unexpected(std::move(user.error()));
    if (auto refused = refuse_user(api_, asked, user->view())) {
      return std::unexpected(std::move(*refused));
    }
    const auto* refusal = refusals_->by_lists(*api_.lists.get(), sale->id(), user->view());
    if (refusal != nullptr) return std::unexpected(http::Answer(refusal));
    return Buyer{.definition = *definition, .user = *user, .now = now};
  }

  // One answer for all: whether and when there will be tokens is not told.
  http::Answer none() const { return &refusals_->no_purchase_token; }

  static http::Response shown(Buffer json) {
    return http::Response::json(200, json + "\n").add("Cache-Control", "no-store");
  }

  Api api_;
  std::shared_ptr<const Refusals> refusals_;
};

}  // namespace

void add_purchase_token(http::Router& router, const Api& api) {
  const PurchaseToken handler(api, std::make_shared<const Refusals>());
  router.add("GET", "/v1/sales/{sale}/challenge",
             [handler](const http::Request& request) { return handler.challenge(request); });
  router.add("POST", "/v1/sales/{sale}/purchase-token",
             [handler](const http::Request& request) { return handler.issue(request); });
}

}  // namespace sluice::frontend
