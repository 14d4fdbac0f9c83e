#pragma once
// A sale as the JSON of the admin API: what is read of it, and how it is written. Pure.

#include <cstdint>
#include <expected>
#include <string>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/ledger/sale_state.h"

namespace sluice::frontend {

// What is wrong with a body, and where.
struct FieldError {
  std::string field;  // "body" when it is not about one
  std::string what;
};

// A new sale: {"id", "stock"} and whatever it says of the rest.
std::expected<ledger::Sale, FieldError> read_new_sale(ByteView body);

// Changes `sale` as the body says: a JSON merge patch (RFC 7396) of title, unit_price, currency,
// per_user_limit, starts_at, ends_at, payment_window_ms, purchase_token, proof_of_work and
// waiting_room_rate. An error leaves it half changed.
std::expected<void, FieldError> patch_sale(ByteView body, ledger::Sale& sale);

// {"units": n}: how many a grant adds.
std::expected<std::int64_t, FieldError> read_units(ByteView body);

// The definition: changes with its revision only, which is its entity tag.
Buffer definition_json(const ledger::SaleState& sale);
std::string definition_tag(const ledger::SaleState& sale);

// Stage and counts, which change with time and orders.
Buffer stock_json(const ledger::SaleState& sale, WallTime now);

}  // namespace sluice::frontend
