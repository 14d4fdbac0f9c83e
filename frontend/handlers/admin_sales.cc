// The admin API of sales. A change is a record that takes the place of the sale's definition: the
// sale is claimed, so that nobody changes it meanwhile, the record is built from what the log says,
// sent, and the answer waits until the fold has judged it.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "frontend/handlers/admin_api.h"
#include "frontend/handlers/api.h"
#include "frontend/request_fields.h"
#include "frontend/sale_document.h"
#include "shared/async/one_shot.h"
#include "shared/base/check.h"
#include "shared/base/hex.h"
#include "shared/base/random.h"
#include "shared/crypto/sha256.h"
#include "shared/ledger/order_id.h"
#include "shared/log/log.h"

namespace sluice::frontend {
namespace {

using ledger::Sale;
using ledger::SaleRefusal;
using ledger::SaleState;
using Verdict = SaleChanges::Verdict;

// What a request asks for, apart from the new definition.
struct Asked {
  std::string sale;
  std::string change;   // its Idempotency-Key, or one that was drawn
  std::string request;  // digest of method, path and body
  std::optional<std::string> if_match;
  bool creates = false;
};

// Makes the new definition out of the present one; an answer when that cannot be.
using Edit = std::function<std::optional<http::Response>(Sale& sale)>;

http::Response wrong_field(std::string_view field, std::string_view what) {
  return problem(400, "invalid-request", "The request is not valid")
      .detail(fmt::format("{}: {}", field, what))
      .member("field", field)
      .response();
}

http::Response wrong_field(const FieldError& error) {
  return wrong_field(error.field, error.what);
}

http::Response conflict(std::string_view code, std::string_view title) {
  return problem(409, code, title).response();
}

http::Response refused(SaleRefusal refusal, bool creates) {
  switch (refusal) {
    case SaleRefusal::closed:
      return conflict("sale-closed", "The sale is closed, which is final");
    case SaleRefusal::not_a_draft:
      return conflict("sale-published", "The sale is published and cannot be a draft again");
    case SaleRefusal::currency_fixed:
      return problem(409, "currency-fixed", "The sale is published in another currency")
          .member("field", "currency")
          .response();
    case SaleRefusal::ends_too_early:
      return wrong_field("ends_at", "must be after starts_at");
    case SaleRefusal::too_many_units:
      return wrong_field(creates ? "stock" : "units",
                         fmt::format("would grant more than {} units in all", ledger::kMaxUnits));
    case SaleRefusal::stale_epoch:  // ours was the newest when it was sent
    case SaleRefusal::none:
      break;
  }
  return log_unavailable("Changes cannot be stored now");
}

http::Response key_reused() {
  return problem(422, "key-reused", "The Idempotency-Key was used for another request").response();
}

http::Response document(int status, const SaleState& sale) {
  http::Response response = http::Response::json(status, definition_json(sale) + "\n");
  response.add("ETag", definition_tag(sale));
  response.add("Cache-Control", "no-cache");
  return response;
}

http::Response done(const SaleState& sale, bool creates, bool replayed) {
  http::Response response = document(creates ? 201 : 200, sale);
  if (creates) response.add("Location", "/v1/sales/" + sale.definition.sale);
  if (replayed) response.add("Idempotency-Replayed", "true");
  return response;
}

// RFC 6585 section 3 and RFC 9110 section 13.1.1; "*" is for whoever must stop a sale at once.
std::optional<http::Response> precondition(const Asked& asked, const SaleState& sale) {
  if (!asked.if_match) {
    return problem(428, "precondition-required", "The request needs If-Match")
        .detail("Send the ETag of the sale as you know it in If-Match, or * for whatever it is")
        .response();
  }
  if (lists_strong_tag(*asked.if_match, definition_tag(sale))) return std::nullopt;
  return problem(412, "sale-changed", "The sale was changed meanwhile")
      .detail(
          fmt::format("The sale is at revision {}, which If-Match does not name", sale.revision))
      .response()
      .add("ETag", definition_tag(sale));
}

// What is to be sent, or the answer if nothing is. REQUIRES: the sale is claimed.
std::variant<http::Response, Sale> decide(const AdminApi& api, const Asked& asked,
                                          const Edit& edit) {
  const auto sale = api.ledger.find_sale(asked.sale);
  if (sale) {
    if (const auto earlier = sale->changes.find(asked.change); earlier != sale->changes.end()) {
      return earlier->second == asked.request ? done(*sale, asked.creates, true) : key_reused();
    }
  }
  if (asked.creates && sale) return conflict("sale-exists", "There is a sale with this id");
  if (!asked.creates) {
    if (!sale) return no_such_sale();
    if (auto failed = precondition(asked, *sale)) return std::move(*failed);
  }
  if (!api.log.reachable()) return log_unavailable("Changes cannot be stored now");
  Sale next = sale ? sale->definition : Sale();
  next.stock = 0;
  const Sale before = next;
  if (auto refusal = edit(next)) return std::move(*refusal);
  if (sale && next == before) return done(*sale, false, false);
  next.change = asked.change;
  next.request = asked.request;
  if (next.stock > 0) next.grant_id = asked.change;
  const SaleRefusal refusal = ledger::judge_change(sale ? &*sale : nullptr, next);
  if (refusal != SaleRefusal::none) return refused(refusal, asked.creates);
  return next;
}

void send(const AdminApi& api, const Sale& change) {
  const auto partition = ledger::partition_of(change.sale, api.log.partition_count());
  auto report = [&changes = api.changes, sale = change.sale, id = change.change](
                    client::Delivery delivery) { changes.delivered(sale, id, delivery.outcome); };
  const auto prepare = [&](const Sale& record) { api.changes.sending(record, partition); };
  if (!api.log.append(change, partition, prepare, report)) {
    report({.outcome = client::Outcome::not_persisted});
  }
}

http::Response answer(const AdminApi& api, const Asked& asked, SaleChanges::Outcome outcome,
                      bool joined) {
  switch (outcome.verdict) {
    case Verdict::applied: {
      const auto sale = api.ledger.find_sale(asked.sale);
      CHECK(sale);
      log::info("sale changed sale={} revision={} change={}", asked.sale, sale->revision,
                log::quoted(asked.change));
      return done(*sale, asked.creates, joined);
    }
    case Verdict::refused:
      return refused(outcome.refusal, asked.creates);
    case Verdict::not_sent:
      return log_unavailable("Changes cannot be stored now");
    case Verdict::unknown:
      break;
  }
  return problem(504, "outcome-unknown", "The log has not answered yet")
      .detail("The change may come into force; repeat the request with the same Idempotency-Key")
      .response()
      .add("Retry-After", "1");
}

Task<http::Response> change(AdminApi api, Asked asked, Edit edit) {
  OneShot<SaleChanges::Outcome> known;
  SaleChanges::Waiter waiter = [&loop = api.loop, &known](SaleChanges::Outcome outcome) {
    loop.post([&known, outcome] { known.set(outcome); });
  };
  const auto claim =
      api.changes.claim(asked.sale, asked.change, asked.request, api.clock.now(), waiter);
  switch (claim) {
    case SaleChanges::Claim::busy:
      co_return conflict("change-in-progress", "Another change of the sale is on its way")
          .add("Retry-After", "1");
    case SaleChanges::Claim::reused:
      co_return key_reused();
    case SaleChanges::Claim::joined:
      break;
    case SaleChanges::Claim::taken: {
      auto decided = decide(api, asked, edit);
      if (auto* response = std::get_if<http::Response>(&decided)) {
        api.changes.abandon(asked.sale);
        co_return std::move(*response);
      }
      send(api, std::get<Sale>(decided));
      break;
    }
  }
  const auto outcome = co_await known;
  co_return answer(api, asked, outcome, claim == SaleChanges::Claim::joined);
}

std::string digest_of(const http::Request& request) {
  return hex(
      bytes_of(sha256(fmt::format("{} {}\n{}", request.method, request.path, request.body))));
}

Result<Asked> asked_by(const http::Request& request, std::string sale) {
  Asked asked{.sale = std::move(sale), .request = digest_of(request)};
  TRY(key, idempotency_key(request, ledger::kMaxChangeBytes));
  SystemRandom random;
  asked.change = key ? *key : uuid_text(random_uuid(random));
  if (const auto tags = request.header("If-Match")) asked.if_match = *tags;
  return asked;
}

http::Answer start_change(const AdminApi& api, const http::Request& request, Edit edit) {
  auto asked = asked_by(request, std::string(request.param("sale")));
  if (!asked) return wrong_field("Idempotency-Key", asked.error().context);
  return change(api, std::move(*asked), std::move(edit));
}

http::Answer create(const AdminApi& api, const http::Request& request) {
  auto sale = read_new_sale(request.body);
  if (!sale) return wrong_field(sale.error());
  auto asked = asked_by(request, sale->sale);
  if (!asked) return wrong_field("Idempotency-Key", asked.error().context);
  asked->creates = true;
  return change(api, std::move(*asked), [sale = std::move(*sale)](Sale& to) {
    to = sale;
    return std::nullopt;
  });
}

http::Answer patch(const AdminApi& api, const http::Request& request) {
  return start_change(api, request, [body = Buffer(request.body)](Sale& sale) {
    const auto patched = patch_sale(body, sale);
    return patched ? std::nullopt : std::optional(wrong_field(patched.error()));
  });
}

// A grant says how many units come on top, so that asking twice must not grant twice.
http::Answer grant(const AdminApi& api, const http::Request& request) {
  if (!request.header("Idempotency-Key")) {
    return problem(400, "idempotency-key-required", "A grant needs an Idempotency-Key")
        .member("field", "Idempotency-Key")
        .response()
        .add("Link",
             "<https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>; "
             "rel=\"describedby\"");
  }
  const auto units = read_units(request.body);
  if (!units) return wrong_field(units.error());
  return start_change(api, request, [units = *units](Sale& sale) {
    sale.stock = units;
    return std::nullopt;
  });
}

// One of the flags of a definition.
http::Answer set(const AdminApi& api, const http::Request& request, bool Sale::* flag, bool to) {
  return start_change(api, request, [flag, to](Sale& sale) {
    sale.*flag = to;
    return std::nullopt;
  });
}

http::Answer list(const AdminApi& api) {
  const WallTime now = api.clock.wall();
  Buffer json = R"({"sales":[)";
  for (const SaleState& sale : api.ledger.sales()) {
    if (json.back() != '[') json += ',';
    json += definition_json(sale);
    json.pop_back();
    json += R"(,"stock":)" + stock_json(sale, now) + "}";
  }
  json += "]}\n";
  return http::Response::json(200, std::move(json)).add("Cache-Control", "no-store");
}

http::Answer show(const AdminApi& api, const http::Request& request) {
  const auto sale = api.ledger.find_sale(request.param("sale"));
  if (!sale) return no_such_sale();
  const ByteView known = request.header("If-None-Match").value_or(ByteView());
  if (!lists_tag(known, definition_tag(*sale))) return document(200, *sale);
  return http::Response(304).add("ETag", definition_tag(*sale)).add("Cache-Control", "no-cache");
}

http::Answer stock(const AdminApi& api, const http::Request& request) {
  const auto sale = api.ledger.find_sale(request.param("sale"));
  if (!sale) return no_such_sale();
  return http::Response::json(200, stock_json(*sale, api.clock.wall()) + "\n")
      .add("Cache-Control", "no-store");
}

using Handler = http::Answer (*)(const AdminApi&, const http::Request&);

// Only for whoever has the token, and once the log is read.
http::Router::RouteHandler guarded(const AdminApi& api, Handler handler) {
  return [api, handler](const http::Request& request) -> http::Answer {
    if (auto refusal = api.token.refuse(request)) return std::move(*refusal);
    if (!api.ledger.ready()) return starting();
    if (!says_json(request)) return not_json();
    return handler(api, request);
  };
}

}  // namespace

void add_admin_sales(http::Router& router, const AdminApi& api) {
  const auto add = [&](std::string_view method, std::string_view path, Handler handler) {
    router.add(method, path, guarded(api, handler));
  };
  add("GET", "/v1/sales", [](const AdminApi& a, const http::Request&) { return list(a); });
  add("POST", "/v1/sales", create);
  add("GET", "/v1/sales/{sale}", show);
  add("PATCH", "/v1/sales/{sale}", patch);
  add("GET", "/v1/sales/{sale}/stock", stock);
  add("POST", "/v1/sales/{sale}/grants", grant);
  add("POST", "/v1/sales/{sale}/publish", [](const AdminApi& a, const http::Request& request) {
    return set(a, request, &Sale::draft, false);
  });
  add("POST", "/v1/sales/{sale}/pause", [](const AdminApi& a, const http::Request& request) {
    return set(a, request, &Sale::paused, true);
  });
  add("POST", "/v1/sales/{sale}/resume", [](const AdminApi& a, const http::Request& request) {
    return set(a, request, &Sale::paused, false);
  });
  add("POST", "/v1/sales/{sale}/close", [](const AdminApi& a, const http::Request& request) {
    return set(a, request, &Sale::closed, true);
  });
}

}  // namespace sluice::frontend
