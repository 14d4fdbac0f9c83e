#include "frontend/public_sale.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "frontend/time_text.h"
#include "shared/http/problem.h"

namespace sluice::frontend {
namespace {

void append_text(Buffer& json, std::string_view name, std::string_view text) {
  json += fmt::format(R"(,"{}":)", name);
  http::append_json_string(json, text);
}

}  // namespace

ledger::SaleStage shown_stage(const SaleStock& sale, std::int64_t available, WallTime now) {
  const ledger::SaleStage stage = sale.stage(now);
  const bool sold_out = stage == ledger::SaleStage::open && available <= 0;
  return sold_out ? ledger::SaleStage::sold_out : stage;
}

void append_public_sale(Buffer& json, const SaleStock& sale, WallTime now) {
  const ledger::Sale& definition = sale.definition();
  json += fmt::format(R"({{"id":"{}")", sale.id());
  append_text(json, "title", definition.title);
  const std::int64_t available = sale.available();
  json += fmt::format(
      R"(,"state":"{}","available":{},"sold_out":{},"per_user_limit":{},"unit_price":{})",
      name_of(shown_stage(sale, available, now)), std::max<std::int64_t>(available, 0),
      available <= 0, definition.per_user_limit, definition.unit_price);
  append_text(json, "currency", definition.currency);
  if (definition.waiting_room_rate > 0) json += R"(,"waiting_room":true)";
  if (definition.starts_at) append_text(json, "starts_at", rfc3339({*definition.starts_at}));
  if (definition.ends_at) append_text(json, "ends_at", rfc3339({*definition.ends_at}));
  if (ledger::needs_purchase_token(definition)) {
    append_text(json, "purchase_token", "required");
    json += fmt::format(R"(,"proof_of_work":{})", definition.proof_of_work);
  }
}

}  // namespace sluice::frontend
